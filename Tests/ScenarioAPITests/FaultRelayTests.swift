import Foundation
import ScenarioSandbox
import TestSupport
import Testing

@testable import ScenarioAPI

@Suite("Connections that break, over the sandbox's relay", .timeLimit(.minutes(TimeScale.factor)))
struct FaultRelayTests {
  private let sandbox: ScenarioSandbox

  init() {
    var configuration = SandboxConfiguration(
      credentials: [SandboxCredential(key: Planted.key, secret: Planted.secret)], jobTimings: .instant)
    configuration.isFaulty = true
    sandbox = ScenarioSandbox(configuration: configuration)
  }

  private func client() async throws -> ScenarioClient {
    ScenarioClient(
      configuration: try Planted.configuration(try await sandbox.start().absoluteString), retry: .never)
  }

  private func submit(_ client: ScenarioClient, timeout: Duration) async throws -> HTTPResponse {
    let source = try await client.uploadAsset(
      name: "a.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg")
    var job = Img2ImgRequest(prompt: "p", image: .asset(source.id))
    (job.width, job.height) = (64, 64)
    var request = try client.apiRequest(.post, ["generate", "img2img"], stage: .submit)
    request.fields.append(HTTPField("Content-Type", "application/json"))
    request.body = .bytes([UInt8](try JSONEncoder().encode(job)))
    request.timeout = timeout
    return try await client.answer(to: request)
  }

  @Test(
    "a submit whose connection breaks has an unknown outcome, whether or not it had an effect",
    arguments: [
      (SandboxFault.Kind.resetBefore, ScenarioError.Code.connectionLost, 0), (.resetAfter, .connectionLost, 1),
      (.stall, .timedOut, 1), (.hang, .timedOut, 0),
    ])
  func submits(kind: SandboxFault.Kind, code: ScenarioError.Code, jobs: Int) async throws {
    let client = try await client()
    sandbox.script(SandboxFault(kind, on: "generateImg2Img"))
    // Only the fault of silence needs the short timeout. A reset ends the request long before.
    let isSilent = code == .timedOut
    do {
      _ = try await submit(client, timeout: (isSilent ? .milliseconds(500) : .seconds(30)) * TimeScale.factor)
      Issue.record("an answer came")
    } catch let error as ScenarioError {
      #expect(error.code == code && error.outcome == .unknownOutcome && error.charged == .unknown)
    }
    #expect(sandbox.statistics.jobs == jobs)
    #expect(sandbox.statistics.faults == [kind.rawValue: 1])
    let next = try await submit(client, timeout: .seconds(30) * TimeScale.factor)
    #expect(next.status == 200, "the next one gets through")
    await sandbox.stop()
  }

  @Test("a download that breaks off is not a result")
  func downloads() async throws {
    let client = try await client()
    let bytes = try Fixtures.bytes("jpeg/small-420.jpg")
    let asset = try await client.uploadAsset(name: "a.jpg", bytes: bytes, mimeType: "image/jpeg")
    let folder = NSTemporaryDirectory() + "gesso-relay-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // If a kept connection breaks before the first byte, libcurl itself repeats the request once on a new connection. Two resets are
    // therefore necessary.
    sandbox.script(SandboxFault(.resetAfter, on: "file", count: 2))
    await #expect(throws: ScenarioError.self) { _ = try await client.download(asset, to: folder + "/a.jpg") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    _ = try await client.download(asset, to: folder + "/a.jpg")
    #expect(try Data(contentsOf: URL(filePath: folder + "/a.jpg")) == Data(bytes))
    await sandbox.stop()
  }
}
