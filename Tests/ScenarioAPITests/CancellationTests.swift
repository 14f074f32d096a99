import Foundation
import ScenarioAPI
import TestSupport
import Testing

@Suite("Cancellation at the client's edge")
struct CancellationTests {
  /// A public verb of the client.
  struct Verb: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let call: @Sendable (ScenarioClient) async throws -> Void
  }

  private static let id = JobID(rawValue: "job_1")
  private static let generation = Img2ImgRequest(prompt: "a forest", image: .asset(AssetID(rawValue: "asset_1")))

  static let verbs: [Verb] = [
    Verb(testDescription: "job") { _ = try await $0.job(id) },
    Verb(testDescription: "updates") { for try await _ in $0.updates(of: id) {} },
    Verb(testDescription: "finishedJob") { _ = try await $0.finishedJob(id) },
    Verb(testDescription: "jobs") { _ = try await $0.jobs(createdAfter: 0) },
    Verb(testDescription: "cancel") { _ = try await $0.cancel(id) },
    Verb(testDescription: "asset") { _ = try await $0.asset(AssetID(rawValue: "asset_1")) },
    Verb(testDescription: "assets") { _ = try await $0.assets([AssetID(rawValue: "asset_1")]) },
    Verb(testDescription: "download") {
      let asset = try JSONDecoder().decode(
        Asset.self, from: Data(#"{"id":"a","url":"https://cdn.example/f","status":"success"}"#.utf8))
      _ = try await $0.download(asset, to: TestFolder.url.appending(path: "gesso-canceled.png").path)
    },
    Verb(testDescription: "model") { _ = try await $0.model("model_1") },
    Verb(testDescription: "price") { _ = try await $0.dryRun(generation) },
    Verb(testDescription: "upload") {
      _ = try await $0.upload(.bytes([1]), name: "a.png", mimeType: "image/png").result
    },
    Verb(testDescription: "upload in parts") {
      let bytes = [UInt8](repeating: 1, count: ScenarioClient.directUploadLimit + 1)
      _ = try await $0.upload(.bytes(bytes), name: "a.png", mimeType: "image/png").result
    },
    submit,
  ]
  private static let submit = Verb(testDescription: "submitImg2Img") { _ = try await $0.submitImg2Img(generation) }

  private func client(_ transport: any HTTPTransport, clock: any Clock<Duration> = ManualClock()) throws
    -> ScenarioClient
  {
    ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: clock)
  }

  @Test("in a canceled task a verb sends nothing", arguments: verbs)
  func before(verb: Verb) async throws {
    let transport = ScriptedTransport([])
    let client = try client(transport)
    let task = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      try await verb.call(client)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(transport.requests.isEmpty)
  }

  // The submit is left out here: if a submit was sent, the client waits for its reply (ScenarioClientTests.cancelingSubmit).
  @Test("canceling ends a verb while it waits for an answer", arguments: verbs.dropLast())
  func duringRequest(verb: Verb) async throws {
    let transport = ParkedTransport()
    let client = try client(transport)
    let task = Task { try await verb.call(client) }
    await transport.begins()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("canceling ends the pauses between attempts", arguments: verbs)
  func duringPause(verb: Verb) async throws {
    let clock = ParkedClock()
    let transport = ScriptedTransport([.answer(429, #"{"reason":"later"}"#)])
    let client = try client(transport, clock: clock)
    let task = Task { try await verb.call(client) }
    await clock.begins()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(transport.requests.count == 1)
  }
}
