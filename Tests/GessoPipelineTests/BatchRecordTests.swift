import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport
import Testing

/// A batch whose rows are in the ledger.
@Suite("A batch on record")
struct BatchRecordTests {
  let folder = TestFolder.url.appending(path: "gesso-record-\(UUID().uuidString)").path
  private let polling = JobPolling(initialInterval: .milliseconds(10), longestInterval: .milliseconds(20))

  /// A row of a test.
  struct Source: Sendable {
    let key: String
    let image: String
  }

  static let three = ["420", "444", "422"].map { Source(key: $0, image: Fixtures.path("jpeg/small-\($0).jpg")) }
  static let withBad = three + [Source(key: "text", image: Fixtures.path("foreign/text.jpg"))]

  private func pipeline(_ client: ScenarioClient) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: client, ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
  }

  private func batch(_ pipeline: Img2ImgPipeline, _ rows: [Source], prompt: String = "a forest") throws -> Img2ImgBatch
  {
    let folder = folder
    var batch = Img2ImgBatch(pipeline: pipeline, count: rows.count) { index in
      let (key, image) = (rows[index].key, rows[index].image)
      return Img2ImgBatch.Item(row: LedgerBatchRow(position: index + 1, key: key, input: image, path: image)) {
        var order = Img2ImgOrder(path: image, prompt: prompt, folder: folder)
        order.generation.seed = BatchRowKey.seed(of: key)
        return order
      }
    }
    batch.batch = try pipeline.ledger.beginBatch(
      named: "b-000000", input: "/in", folder: folder, command: "gesso batch", rowCount: rows.count)
    batch.keepsOrder = false
    return batch
  }

  /// The outcome of each row, by the row's position: `done`, `done before`, the code of an error, `left`, or `stopped`.
  private func outcomes(
    _ run: Run<Img2ImgBatch.Event<Img2ImgResult>, Void>
  ) async throws -> (rows: [String], stopping: String?) {
    var rows: [Int: String] = [:]
    var stopping: String?
    for await event in run.events {
      switch event {
      case .ended(let index, .success(let result)): rows[index] = result.reused ? "done before" : "done"
      case .ended(let index, .failure(let error)): rows[index] = Self.code(error)
      case .stopped(let index): rows[index] = "stopped"
      case .leftAlone(let index, let failure): rows[index] = "left: \(failure.code)"
      case .stopping(let error): stopping = Self.code(error)
      case .began, .progress: break
      }
    }
    try await run.result
    return (rows.sorted { $0.key < $1.key }.map(\.value), stopping)
  }

  private static func code(_ error: any Error) -> String {
    func code(_ failure: some GessoFailure) -> String { failure.code.rawValue }
    return (error as? any GessoFailure).map { code($0) } ?? "\(error)"
  }

  @Test("a bad image costs its row alone, and the same batch given again sends nothing and decodes nothing")
  func again() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    let batch = try batch(pipeline, Self.withBad)
    #expect(try await outcomes(batch.start(polling: polling)).rows == ["done", "done", "done", "not-an-image"])
    let record = try #require(batch.batch)
    let rows = try pipeline.ledger.rows(of: record)
    #expect(rows.map(\.state) == [.done, .done, .done, .failed])
    #expect(rows[3].failure?.code == "not-an-image")
    for row in rows.prefix(3) {
      #expect(try pipeline.ledger.entry(run: try #require(row.runID)).state == .downloaded)
      let times = [LedgerBatchRow.Moment.began, .preparing, .prepared, .submitting, .submitted, .downloading, .ended]
        .map { row.times[$0] ?? 0 }
      #expect(times == times.sorted() && times[0] > 0, "\(row.times)")
    }

    let requests = sandbox.statistics
    var events = 0
    let second = batch.start(polling: polling)
    var ends: [String] = []
    for await event in second.events {
      switch event {
      case .progress: events += 1
      case .ended(_, .success(let result)): ends.append(result.reused ? "done before" : "done")
      case .leftAlone(_, let failure): ends.append("left: \(failure.code)")
      default: break
      }
    }
    try await second.result
    #expect(ends.sorted() == ["done before", "done before", "done before", "left: not-an-image"])
    #expect(events == 0, "no step was taken")
    #expect(sandbox.statistics.jobs == requests.jobs)
    #expect(try pipeline.ledger.rows(of: record) == rows, "what is on record stays")

    var retried = batch
    retried.retriesFailed = true
    #expect(try await outcomes(retried.start(polling: polling)).rows.last == "not-an-image")
    await sandbox.stop()
  }

  @Test("rows of one image are prepared once, also in a later batch")
  func preparedOnce() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    let image = Fixtures.path("jpeg/small-420.jpg")
    func prepared(_ batch: Img2ImgBatch) async throws -> Int {
      let run = batch.start(polling: polling)
      var count = 0
      for await event in run.events { if case .progress(_, .prepared) = event { count += 1 } }
      try await run.result
      return count
    }
    let rows = ["a", "b", "c"].map { Source(key: $0, image: image) }
    #expect(try await prepared(try batch(pipeline, rows)) == 1)
    #expect(sandbox.statistics.jobs == 3, "each has a seed of its own")
    #expect(try await prepared(try batch(pipeline, rows, prompt: "a sea")) == 0)
    #expect(sandbox.statistics.jobs == 6)
    await sandbox.stop()
  }

  struct Limit: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var maxJobs: Int?
    var maxFailures: Int?
    /// The limit of the cost, as a number of jobs at their price.
    var maxCost: Decimal?
    let rows: [Source]
    let outcomes: [String]
    let stopping: String?
    let jobs: Int
    /// The states on record of the rows that have begun.
    let states: [LedgerBatchRow.State]
  }

  static let limits = [
    Limit(
      testDescription: "jobs", maxJobs: 2, rows: three, outcomes: ["done", "done"], stopping: nil, jobs: 2,
      states: [.done, .done]),
    Limit(
      testDescription: "cost", maxCost: 2.5, rows: three, outcomes: ["done", "done", "too-expensive"],
      stopping: "too-expensive", jobs: 2, states: [.done, .done, .open]),
    Limit(
      testDescription: "failures", maxFailures: 1, rows: withBad.reversed(), outcomes: ["not-an-image"],
      stopping: "too-many-failures", jobs: 0, states: [.failed]),
  ]

  @Test("a limit stops the batch, and the same batch goes on without it", arguments: limits)
  func stops(at limit: Limit) async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    let price = try await pipeline.price(
      Img2ImgOrder(path: Self.three[0].image, prompt: "x", folder: folder)
    ).result
    let unlimited = try batch(pipeline, limit.rows)
    var batch = unlimited
    // The rows run one at a time, so that they end in their order.
    batch.width = 1
    (batch.maxJobs, batch.maxFailures, batch.maxCost) = (
      limit.maxJobs, limit.maxFailures, limit.maxCost.map { $0 * price }
    )
    let first = try await outcomes(batch.start(polling: polling))
    #expect(first.rows == limit.outcomes)
    #expect(first.stopping == limit.stopping)
    #expect(sandbox.statistics.jobs == limit.jobs)
    let record = try #require(batch.batch)
    #expect(try pipeline.ledger.rows(of: record).map(\.state) == limit.states)
    _ = try await outcomes(unlimited.start(polling: polling))
    #expect(sandbox.statistics.jobs == 3)
    await sandbox.stop()
  }

  @Test("orders without a job are stopped by what one of them met, and jobs that run are followed")
  func stopsOthers() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    var batch = try batch(pipeline, Self.three)
    let price = try await pipeline.price(
      Img2ImgOrder(path: Self.three[0].image, prompt: "x", folder: folder)
    ).result
    batch.maxCost = price * 3 / 2
    let outcome = try await outcomes(batch.start(polling: polling))
    #expect(outcome.stopping == "too-expensive")
    #expect(outcome.rows.filter { $0 == "done" }.count == 1)
    #expect(outcome.rows.allSatisfy { ["done", "too-expensive", "stopped"].contains($0) })
    let record = try #require(batch.batch)
    #expect(try pipeline.ledger.counts(of: record)[.failed] == nil, "nothing is wrong with them")
    await sandbox.stop()
  }

  @Test("the work of another process on the same order is waited for, and its results are taken")
  func otherProcess() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let path = folder + "-ledger/ledger.sqlite"
    let pipeline = try pipeline(client)
    var batch = try batch(pipeline, [Self.three[0]])
    let order = try await batch.item(0).order()
    // Another process holds the order's run.
    let other = Mutex<LedgerLock?>(nil)
    _ = try await pipeline.start(order, polling: polling).result
    let run = try #require(try pipeline.ledger.entries().first?.id)
    other.withLock { $0 = try? LedgerLock(path: "\(path)-locks/\(run)") }
    #expect(try await outcomes(batch.start(polling: polling)).rows == ["run-in-progress"])
    batch.patience = .seconds(600)
    let waiting = batch.start(polling: polling)
    var ends: [String] = []
    for await event in waiting.events {
      switch event {
      // The other process ends as soon as the batch waits for it.
      case .progress(_, .waitingForOrder): other.withLock { $0 = nil }
      case .ended(_, .success(let result)): ends.append(result.reused ? "done before" : "done")
      default: break
      }
    }
    #expect(ends == ["done before"])
    #expect(sandbox.statistics.jobs == 1)
    await sandbox.stop()
  }

  @Test("images are prepared without the service, and a batch finds them")
  func preparations() async throws {
    let alone = Img2ImgPipeline(ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
    // The batch finds the images again when its rows are given a second time.
    for again in [false, true] {
      let run = try batch(alone, Self.three).preparations()
      var (paths, prepared) = ([String](), 0)
      for await event in run.events {
        switch event {
        case .ended(_, .success(let path?)): paths.append(path)
        case .progress(_, .prepared): prepared += 1
        default: break
        }
      }
      try await run.result
      #expect(paths.count == 3 && paths.allSatisfy { FileManager.default.fileExists(atPath: $0) })
      #expect(prepared == (again ? 0 : 3))
    }
    #expect(try alone.ledger.entries().isEmpty, "they are no orders")
    await #expect {
      try await alone.price(Img2ImgOrder(path: Self.three[0].image, prompt: "x", folder: folder)).result
    } throws: {
      ($0 as? PipelineError)?.message == "this pipeline has no service"
    }

    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let later = try batch(try pipeline(client), Self.three).start(polling: polling)
    var prepared = 0
    for await event in later.events { if case .progress(_, .prepared) = event { prepared += 1 } }
    #expect(prepared == 0)
    #expect(sandbox.statistics.jobs == 3)
    await sandbox.stop()
  }

  @Test("files of killed processes are searched for once in a folder, for all orders of a pipeline")
  func leftovers() async throws {
    let ledger = try Ledger(path: folder + "-ledger/ledger.sqlite")
    let alone = Img2ImgPipeline(ledger: ledger)
    let leftover = folder + "/.gesso-1a2b.part"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // With the first pipeline, the first batch removes the file, and the second one leaves it. A new pipeline, as another command has it,
    // removes the file again.
    for (pipeline, isLeft) in [(alone, false), (alone, true), (Img2ImgPipeline(ledger: ledger), false)] {
      try Data("half".utf8).write(to: URL(filePath: leftover))
      try await batch(pipeline, Self.three).preparations().result
      #expect(FileManager.default.fileExists(atPath: leftover) == isLeft)
    }
  }

  @Test("a canceled batch leaves its rows open, and the same batch continues with them")
  func canceled() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    let batch = try batch(pipeline, Self.three)
    let run = batch.start(polling: polling)
    for await event in run.events {
      if case .progress(_, .submitted) = event { run.cancel() }
    }
    await #expect(throws: CancellationError.self) { try await run.result }
    let record = try #require(batch.batch)
    #expect(try pipeline.ledger.counts(of: record)[.failed] == nil)
    let rows = try await outcomes(batch.start(polling: polling)).rows
    #expect(rows.count == 3 && rows.allSatisfy { $0.hasPrefix("done") })
    #expect(sandbox.statistics.jobs == 3, "none was paid for twice")
    await sandbox.stop()
  }
}
