import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

@Suite("Cancellation at the pipeline's edge")
struct PipelineCancellationTests {
  /// A public method of the pipeline, called with a ledger whose only run, number 1, has the job `job_1`.
  struct Verb: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let call: @Sendable (Img2ImgPipeline, Img2ImgOrder) async throws -> Void
  }

  private static let job = JobID(rawValue: "job_1")

  static let verbs: [Verb] = [
    Verb(testDescription: "start") { _ = try await $0.start($1).result },
    Verb(testDescription: "price") { _ = try await $0.price($1).result },
    Verb(testDescription: "upload") { pipeline, _ in
      _ = try await pipeline.upload(.file(Fixtures.path("jpeg/1x64.jpg")), stem: "gray", recipe: nil).result
    },
    Verb(testDescription: "resume") { pipeline, _ in _ = try await pipeline.resume(job).result },
    Verb(testDescription: "cancel") { pipeline, _ in _ = try await pipeline.cancel(job) },
  ]

  @Test(
    "canceling ends a verb before it asks the service, and while it waits for an answer", arguments: verbs,
    [false, true])
  func canceling(verb: Verb, isWaiting: Bool) async throws {
    let folder = TestFolder.url.appending(path: "gesso-canceled-\(UUID().uuidString)").path
    let (requests, request) = AsyncStream.makeStream(of: Void.self)
    let parks = Mutex(false)
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      _, http throws(ScenarioError) in
      guard parks.withLock(\.self) else { return nil }
      request.yield()
      let (nothing, end) = AsyncStream.makeStream(of: Void.self)
      for await _ in nothing {}
      withExtendedLifetime(end) {}
      throw ScenarioError(.canceled, .unknownOutcome, stage: http.stage, "canceled", remedy: "")
    }
    let pipeline = Img2ImgPipeline(
      client: try service.client(), ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
    var first = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    first.waits = false
    _ = try await pipeline.start(first).result
    let order = Img2ImgOrder(path: Fixtures.path("png/small-rgb8.png"), prompt: "a lake", folder: folder)
    let before = service.requests
    parks.withLock { $0 = true }
    let task = Task {
      // A method that ends without a request must not wait for one.
      defer { request.finish() }
      if !isWaiting { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
      try await verb.call(pipeline, order)
    }
    if isWaiting {
      for await _ in requests { break }
      task.cancel()
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    if !isWaiting { #expect(service.requests == before) }
    #expect(try pipeline.ledger.entry(job: Self.job).state == .submitted, "the job that is paid for stays on record")
  }
}
