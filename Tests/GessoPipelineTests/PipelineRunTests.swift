import Dispatch
import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

@Suite("Pipeline runs")
struct PipelineRunTests {
  let folder = TestFolder.url.appending(path: "gesso-runs-\(UUID().uuidString)").path

  private func order() -> Img2ImgOrder {
    Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
  }

  private func ledger(_ onCommit: (@Sendable (Int, String) -> Void)? = nil) throws -> Ledger {
    try Ledger(path: folder + "-ledger/ledger.sqlite", onCommit: onCommit)
  }

  @Test("no step runs on the main actor, although the methods are called from there")
  @MainActor
  func leavesTheMainActor() async throws {
    // A value on the main queue shows whether code runs on the main actor. The thread would not show it, because on Linux the main actor
    // may run on another thread.
    let mark = DispatchSpecificKey<Bool>()
    DispatchQueue.main.setSpecific(key: mark, value: true)
    let steps = Mutex<[String: Bool]>([:])
    @Sendable func look(_ step: String) {
      let isMain = DispatchQueue.getSpecific(key: mark) == true
      steps.withLock { $0[step] = isMain || $0[step] == true }
    }
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, request throws(ScenarioError) in
      look(name.split(separator: " ")[0] + " request")
      return request.url.contains("dryRun")
        ? HTTPResponse(status: 269, body: [UInt8](#"{"creativeUnitsCost":3}"#.utf8)) : nil
    }
    let pipeline = Img2ImgPipeline(
      client: try service.client(), ledger: try ledger { _, step in look("commit \(step)") },
      randomSeed: {
        look("seed")
        return "7"
      })
    #expect(DispatchQueue.getSpecific(key: mark) == true, "otherwise this test proves nothing")
    _ = try await pipeline.start(order()).result
    let job = JobID(rawValue: "job_1")
    _ = try await pipeline.resume(job).result
    _ = try await pipeline.upload(.file(Fixtures.path("jpeg/1x64.jpg")), stem: "gray", recipe: nil).result
    _ = try await pipeline.price(order()).result
    await #expect(throws: PipelineError.self) { try await pipeline.resolve(1, .drop) }
    await #expect(throws: ScenarioError.self) { try await pipeline.cancel(job) }
    let seen = steps.withLock(\.self)
    #expect(seen.filter(\.value).keys.sorted() == [])
    for step in ["seed", "commit claim", "commit prepared", "commit submitted", "commit downloaded", "POST request"] {
      #expect(seen[step] == false, "\(step) was looked at")
    }
  }

  @Test("events are kept in order until they are read, and end with the work")
  func keepsEvents() async throws {
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")])
    let run = Img2ImgPipeline(client: try service.client(), ledger: try ledger()).start(order())
    _ = try await run.result
    var names: [String] = []
    for await event in run.events {
      names.append(String("\(event)".prefix { $0.isLetter }))
      if names.suffix(2) == ["uploading", "uploading"] { names.removeLast() }
    }
    #expect(
      names == [
        "preparing", "prepared", "uploading", "submitting", "submitted", "waiting", "downloading", "downloaded",
      ])
  }

  @Test("canceling the listener cancels the work, and a job that was submitted meanwhile is still reported")
  func canceledListener() async throws {
    let (submitting, submitted) = AsyncStream.makeStream(of: Void.self)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService(results: []) { name, _ throws(ScenarioError) in
      if name == "POST /generate/img2img" {
        submitted.finish()
        for await _ in answers {}
      }
      return nil
    }
    let run = Img2ImgPipeline(client: try service.client(), ledger: try ledger()).start(order())
    let listener = Task {
      var jobs: [String] = []
      for await case .submitted(let job) in run.events { jobs.append(job.rawValue) }
      return jobs
    }
    for await _ in submitting {}
    listener.cancel()
    answer.finish()
    #expect(await listener.value == ["job_1"])
    await #expect(throws: CancellationError.self) { try await run.result }
    #expect(try ledger().entry(job: JobID(rawValue: "job_1")).state == .submitted)
    #expect(!service.requests.contains("GET /jobs/job_1"))
  }

  @Test("a run that nobody waits for continues")
  func goesOn() async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")])
    let ledger = try ledger { _, step in if step == "downloaded" { end.finish() } }
    _ = Img2ImgPipeline(client: try service.client(), ledger: ledger).start(order())
    for await _ in ends {}
    #expect(try ledger.entries().map(\.state) == [.downloaded])
  }
}
