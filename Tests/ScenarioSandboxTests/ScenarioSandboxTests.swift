import FlyingFox
import FlyingSocks
import Foundation
import TestSupport
import Testing

@testable import ScenarioSandbox

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@Suite("A sandbox on a socket")
struct ScenarioSandboxTests {
  /// Runs `body` with a sandbox that listens, and stops it.
  private func serving(
    _ configure: (inout SandboxConfiguration) -> Void = { _ in }, _ body: (URL) async throws -> Void
  ) async throws {
    var configuration = SandboxConfiguration(credentials: [Harness.credential], jobTimings: .instant)
    configure(&configuration)
    let sandbox = ScenarioSandbox(configuration: configuration)
    let base = try await sandbox.start()
    do {
      try await body(base)
    } catch {
      await sandbox.stop()
      throw error
    }
    await sandbox.stop()
  }

  private func send(
    _ method: String, _ url: URL, body: Data? = nil, authorization: String? = Harness.authorization
  ) async throws -> (status: Int, data: Data) {
    // The timeout of Foundation is a minute, in which a busy machine may not answer.
    var request = URLRequest(url: url, timeoutInterval: 60 * Double(TimeScale.factor))
    request.httpMethod = method
    request.httpBody = body
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.setValue(authorization, forHTTPHeaderField: "Authorization")
    let (data, response) = try await URLSession.shared.data(for: request)
    let answer = try #require(response as? HTTPURLResponse)
    #expect(answer.value(forHTTPHeaderField: "X-Gesso-Sandbox") == "nothing was generated")
    return (answer.statusCode, data)
  }

  private func object(_ data: Data) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("it listens on loopback at the port it names, and signs URLs on it")
  func start() async throws {
    try await serving { base in
      #expect(base.host == "127.0.0.1")
      #expect(base.path == "/v1")
      let upload = ["name": "a.png", "image": Data(Harness.picture).base64EncodedString()]
      let uploaded = try await send(
        "POST", base.appending(path: "assets"), body: JSONEncoder().encode(upload))
      #expect(uploaded.status == 200)
      let asset = try #require(object(uploaded.data)["asset"] as? [String: Any])
      let address = try #require(asset["url"] as? String)
      let url = try #require(URL(string: address))
      #expect(url.port == base.port)
      let file = try await send("GET", url, authorization: nil)
      #expect(file.status == 200)
      #expect(file.data == Data(Harness.picture))
    }
  }

  @Test("a connection goes on after a body that was refused")
  func oversize() async throws {
    try await serving { base in
      let jobs = base.appending(path: "jobs")
      for _ in 0..<3 {
        let refused = try await send(
          "POST", base.appending(path: "assets"), body: Data(repeating: UInt8(ascii: "G"), count: 7_000_000))
        #expect(refused.status == 413)
        #expect(try await send("GET", jobs).status == 200)
      }
      let path = try await send("POST", base.appending(path: "nowhere"), body: Data(count: 3_000_000))
      #expect(path.status == 404)
      #expect(try await send("GET", jobs).status == 200)
    }
  }

  @Test("a port that is taken, and a second start, are errors")
  func cannotStart() async throws {
    try await serving { base in
      let port = UInt16(try #require(base.port))
      let second = ScenarioSandbox(configuration: SandboxConfiguration(port: port))
      await #expect(throws: SandboxError.cannotListen(port: port)) { try await second.start() }
    }
    let sandbox = ScenarioSandbox(configuration: SandboxConfiguration())
    _ = try await sandbox.start()
    await #expect(throws: SandboxError.alreadyStarted) { try await sandbox.start() }
    await sandbox.stop()
  }

  @Test("a sandbox is not started in a canceled task, and can be started later")
  func canceledStart() async throws {
    let sandbox = ScenarioSandbox(configuration: SandboxConfiguration())
    let task = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return try await sandbox.start()
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    _ = try await sandbox.start()
    await sandbox.stop()
  }

  @Test(
    "canceling a start ends in `CancellationError` wherever it is, and nothing listens then", arguments: [false, true])
  func cancelingStart(isFaulty: Bool) async throws {
    var configuration = SandboxConfiguration()
    configuration.isFaulty = isFaulty
    let sandbox = ScenarioSandbox(configuration: configuration)
    let task = Task { try await sandbox.start() }
    task.cancel()
    do {
      // The server may already listen when the task is canceled. Then it has to be stopped.
      let base = try await task.value
      #expect(try await send("GET", base.appending(path: "jobs")).status == 401)
    } catch {
      #expect(error is CancellationError, "\(error)")
    }
    await sandbox.stop()
  }

  @Test("stopping closes the port; stopping what never started does nothing")
  func stop() async throws {
    await ScenarioSandbox(configuration: SandboxConfiguration()).stop()
    let sandbox = ScenarioSandbox(
      configuration: SandboxConfiguration(credentials: [Harness.credential]))
    let base = try await sandbox.start()
    #expect(try await send("GET", base.appending(path: "jobs")).status == 200)
    await sandbox.stop()
    await #expect(throws: (any Error).self) { try await send("GET", base.appending(path: "jobs")) }
  }

  @Test(
    "imageUrl is fetched from loopback: images only, whole, in time",
    arguments: [
      ("http://127.0.0.1:PORT/picture.png", 200, nil), ("http://localhost:PORT/picture.png?size=1", 200, nil),
      ("HTTP://127.0.0.1:PORT/picture.png", 200, nil),
      ("http://127.0.0.1:PORT/text", 400, "Unhandled image format"),
      ("http://127.0.0.1:PORT/none", 400, "Input image could not be fetched"),
      ("http://127.0.0.1:PORT/moved", 400, "Input image could not be fetched"),
      ("http://127.0.0.1:PORT/silent", 400, "Input image could not be fetched"),
      ("http://127.0.0.1:PORT/large", 400, "Input image is too large"),
      ("http://127.0.0.1:1/picture.png", 400, "Input image could not be fetched"),
      ("https://127.0.0.1:PORT/picture.png", 400, loopbackOnly), ("http://192.0.2.1/picture.png", 400, loopbackOnly),
      ("http://127.0.0.1.example.com/picture.png", 400, loopbackOnly),
      ("http://user:secret@127.0.0.1:PORT/picture.png", 400, loopbackOnly), ("file:///etc/passwd", 400, loopbackOnly),
      ("http://0x7f.1/picture.png", 400, loopbackOnly), ("http://[::2]/picture.png", 400, loopbackOnly),
      ("", 400, loopbackOnly), ("picture.png", 400, loopbackOnly), ("http://127.0.0.1:99999/", 400, loopbackOnly),
      ("http://127.0.0.1:PORT/pic ture.png\r\nX: y", 400, nil),
    ])
  func imageURL(template: String, status: Int, reason: String?) async throws {
    let patience = 60 * Double(TimeScale.factor)
    let files = HTTPServer(port: 0, timeout: patience, logger: .disabled)
    await files.appendRoute("/picture.png") { _ in HTTPResponse(statusCode: .ok, body: Data(Harness.picture)) }
    await files.appendRoute("/text") { _ in HTTPResponse(statusCode: .ok, body: Data("no image".utf8)) }
    await files.appendRoute("/moved") { _ in
      HTTPResponse(statusCode: .found, headers: HTTPHeaders([.location: "/picture.png"]))
    }
    await files.appendRoute("/large") { _ in HTTPResponse(statusCode: .ok, body: Data(count: 300_000)) }
    await files.appendRoute("/silent") { _ in
      try await Task.sleep(for: .seconds(60) * TimeScale.factor)
      return HTTPResponse(statusCode: .ok)
    }
    let running = Task { try await files.run() }
    try await files.waitUntilListening(timeout: patience)
    guard case .ip6(_, let port)? = await files.listeningAddress else {
      Issue.record("no port")
      return
    }
    let url = template.replacing("PORT", with: String(port))
    let limits = { (configuration: inout SandboxConfiguration) in
      configuration.limits.fetchedBytes = 100_000
      // Only the test about silence has a short time, because a busy machine takes longer to answer.
      configuration.limits.fetchTimeout =
        (template.hasSuffix("/silent") ? .milliseconds(300) : .seconds(30)) * TimeScale.factor
    }
    try await serving(limits) { base in
      let answer = try await send(
        "POST", base.appending(path: "generate/img2img"),
        body: JSONEncoder().encode(["modelId": "flux.1-dev", "prompt": "p", "imageUrl": url]))
      #expect(answer.status == status)
      if let reason { #expect(try object(answer.data)["reason"] as? String == reason) }
    }
    running.cancel()
    _ = await running.result
  }

  private static let loopbackOnly = "The sandbox fetches imageUrl from http on loopback only"
}
