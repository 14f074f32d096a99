import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport
import Testing

private struct TestNote: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// Holds downloads back until two submits were accepted, and stops the sandbox's clock until one submit was refused.
private final class HoldingTransport: HTTPTransport {
  private let transport = CurlTransport(options: ConnectionOptions())
  private let accepted = Mutex(0)
  private let submits = AsyncStream.makeStream(of: Never.self)
  private let begin = Date.now
  private let wasRefused = Mutex(false)

  /// The time of the sandbox.
  var now: Date { wasRefused.withLock(\.self) ? Date.now.addingTimeInterval(60) : begin }

  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    // Only requests for results have no authorization, because the addresses of results are signed.
    if request.authorization == nil { for await _ in submits.stream {} }
    let response = try await transport.send(request)
    guard request.url.contains("/generate/") else { return response }
    if response.status == 429 {
      wasRefused.withLock { $0 = true }
    } else {
      accepted.withLock { accepted in
        accepted += 1
        if accepted == 2 { submits.continuation.finish() }
      }
    }
    return response
  }
}

@Suite("Carrying out many orders")
struct Img2ImgBatchTests {
  let folder = TestFolder.url.appending(path: "gesso-orders-\(UUID().uuidString)").path

  private static let photograph = Fixtures.path("jpeg/small-420.jpg")
  private let polling = JobPolling(initialInterval: .milliseconds(10), longestInterval: .milliseconds(20))

  private typealias Order = @Sendable () async throws -> Img2ImgOrder

  private func batch(_ pipeline: Img2ImgPipeline, _ orders: [Order], maxCost: Decimal? = nil) -> Img2ImgBatch {
    var batch = Img2ImgBatch(pipeline: pipeline, count: orders.count) { Img2ImgBatch.Item(order: orders[$0]) }
    batch.maxCost = maxCost
    return batch
  }

  private func order(_ stem: String, _ path: String = photograph) -> Order {
    let folder = folder
    return {
      var order = Img2ImgOrder(path: path, prompt: "a forest", folder: folder)
      order.stem = stem
      return order
    }
  }

  /// Orders of three images at the same price.
  private var three: [Order] {
    ["420", "444", "422"].map { order($0, Fixtures.path("jpeg/small-\($0).jpg")) }
  }

  private func pipeline(_ client: ScenarioClient) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: client, ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
  }

  /// The code of each order's failure, or `done`, in the sequence in which the orders ended.
  private func outcomes<Value>(_ run: Run<Img2ImgBatch.Event<Value>, Void>) async throws -> [String] {
    var outcomes: [String] = []
    for await event in run.events {
      let (index, result): (Int, Result<Value, any Error>)
      switch event {
      case .ended(let place, let outcome): (index, result) = (place, outcome)
      case .stopped(let place): (index, result) = (place, .failure(TestNote("stopped")))
      case .leftAlone(let place, let failure): (index, result) = (place, .failure(TestNote("left: \(failure.code)")))
      case .began, .progress, .stopping: continue
      }
      #expect(index == outcomes.count, "in the order of the orders")
      switch result {
      case .success: outcomes.append("done")
      case .failure(let error):
        if let failure = error as? any GessoFailure {
          outcomes.append(Self.code(failure))
        } else {
          outcomes.append((error as? TestNote)?.text ?? "\(error)")
        }
      }
    }
    try await run.result
    return outcomes
  }

  private static func code(_ failure: some GessoFailure) -> String { failure.code.rawValue }

  @Test(
    "a job is submitted as soon as another has ended, while that one's results are downloaded", .timeLimit(.minutes(5)))
  func placeOfEndedJob() async throws {
    let (transport, step) = (HoldingTransport(), Duration.milliseconds(10))
    let (sandbox, plain) = try await ScenarioSandbox.started(
      SandboxConfiguration(
        jobTimings: JobTimings(queued: step, warmingUp: step, inProgress: step, finalizing: step),
        limits: SandboxLimits(parallelInferences: 1), now: { transport.now }))
    let client = ScenarioClient(configuration: plain.configuration, transport: transport)
    var batch = batch(try pipeline(client), Array(three.prefix(2)))
    batch.patience = .seconds(60)
    #expect(try await outcomes(batch.start(polling: polling)) == ["done", "done"])
    await sandbox.stop()
  }

  @Test("one limit is for all orders, and counts what was paid before", arguments: [1, 16])
  func limit(width: Int) async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    let price = try await pipeline.price(try await three[0]()).result
    var batch = self.batch(pipeline, three, maxCost: price * 5 / 2)
    batch.width = width
    let first = try await outcomes(batch.start(polling: polling))
    #expect(first.sorted() == ["done", "done", "too-expensive"])
    #expect(sandbox.statistics.jobs == 2)
    #expect(try await outcomes(batch.start(polling: polling)) == first, "the two are paid for, and count")
    #expect(sandbox.statistics.jobs == 2)
    batch.maxCost = price * 3
    #expect(try await outcomes(batch.start(polling: polling)) == ["done", "done", "done"])
    #expect(sandbox.statistics.jobs == 3)
    await sandbox.stop()
  }

  @Test("the limit of one order counts its earlier attempts")
  func attempts() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let pipeline = try pipeline(client)
    var order = try await three[0]()
    let price = try await pipeline.price(order).result
    order.maxCost = price * 3 / 2
    _ = try await pipeline.start(order, polling: polling).result
    order.again = true
    await #expect { try await pipeline.start(order, polling: polling).result } throws: {
      ($0 as? PipelineError)?.code == .tooExpensive && "\($0)".contains("\(price) were spent on this order before")
    }
    order.maxCost = price * 2
    _ = try await pipeline.start(order, polling: polling).result
    #expect(sandbox.statistics.jobs == 2)
    await sandbox.stop()
  }

  @Test("the limit is for the price of the custom model too, where that takes the place of the legacy endpoint")
  func customModel() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    sandbox.disagree(.legacyGone)
    let batch = self.batch(try pipeline(client), [three[0]], maxCost: 0.01)
    #expect(try await outcomes(batch.start(polling: polling)) == ["too-expensive"])
    #expect(sandbox.statistics.jobs == 0)
    await sandbox.stop()
  }

  @Test("orders of the same image are one order: one job, and results under each name")
  func sameImage() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let batch = self.batch(try pipeline(client), [order("a"), order("b")])
    #expect(try await outcomes(batch.start(polling: polling)) == ["done", "done"])
    #expect(sandbox.statistics.jobs == 1)
    let results = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".png") }.sorted()
    #expect(results.map { $0.prefix(2) } == ["a-", "b-"])
    await sandbox.stop()
  }

  @Test("prices are asked for without a job, whatever the limit, and a failure does not stop the others")
  func prices() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    var orders = three
    orders.insert(order("text", Fixtures.path("foreign/text.jpg")), at: 1)
    let batch = self.batch(try pipeline(client), orders, maxCost: 0)
    #expect(try await outcomes(batch.prices()) == ["done", "not-an-image", "done", "done"])
    #expect(sandbox.statistics.jobs == 0)
    #expect(!FileManager.default.fileExists(atPath: folder))
    await sandbox.stop()
  }

  @Test("after a failure that every order would meet, no more begin")
  func stops() async throws {
    let service = ScriptedService(results: []) { _, _ throws(ScenarioError) in HTTPResponse(status: 401) }
    var batch = self.batch(try pipeline(try service.client()), three)
    batch.width = 1
    #expect(try await outcomes(batch.start()) == ["credentials-refused"])
  }

  @Test("a canceled batch begins no more orders")
  func cancels() async throws {
    let begun = Mutex(0)
    let orders: [Order] = (0..<8).map { _ in
      {
        begun.withLock { $0 += 1 }
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in stream {}
        withExtendedLifetime(continuation) {}
        throw CancellationError()
      }
    }
    let service = ScriptedService(results: [])
    var batch = self.batch(try pipeline(try service.client()), orders)
    batch.width = 2
    let run = batch.start()
    var events = run.events.makeAsyncIterator()
    _ = await events.next()
    _ = await events.next()
    run.cancel()
    await #expect(throws: CancellationError.self) { try await run.result }
    #expect(begun.withLock(\.self) <= 2)
  }

  /// The memory of prepared images that are not uploaded yet, over the course of a batch.
  private struct Waiting {
    var sizes: [Int: Int] = [:]
    var most = (images: 0, bytes: 0)

    mutating func note(_ index: Int, _ event: Img2ImgEvent) {
      switch event {
      case .prepared(let image, _): sizes[index] = image.bytes.count
      case .uploading(let progress): if progress.sentBytes == progress.totalBytes { sizes[index] = nil }
      default: return
      }
      most = (max(most.images, sizes.count), max(most.bytes, sizes.values.reduce(0, +)))
    }
  }

  @Test(
    "images that wait for their upload take a tenth of the free disk at most, also where no budget bounds them",
    arguments: [(0.5, true), (1, true), (2, true), (1, false)])
  func room(images: Double, hasBudget: Bool) async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    var pipeline = try pipeline(client)
    let budget = 60_000.0
    pipeline.freeBytes = { _ in UInt64(10 * images * budget) }
    let orders: [Order] = (0..<12).map { number in
      let made = order("\(number)", Fixtures.path("jpeg/small-\(["420", "422", "444", "440"][number % 4]).jpg"))
      return {
        var order = try await made()
        // The images that the orders prepare are all different.
        order.recipe.size = .longestSide(240 - 16 * (number / 4), sides: .multiples(of: 16))
        order.recipe.output = .jpeg(quality: 92, budget: hasBudget ? .bytes(Int(budget)) : nil)
        order.generation.numSamples = 1
        return order
      }
    }
    var waiting = Waiting()
    let run = batch(pipeline, orders).start(polling: polling)
    for await event in run.events { if case .progress(let index, let event) = event { waiting.note(index, event) } }
    try await run.result
    #expect(sandbox.statistics.jobs == 12)
    // An image that takes, or may take, more than the whole memory for waiting images waits alone.
    #expect(images < 1 || !hasBudget ? waiting.most.images == 1 : Double(waiting.most.bytes) <= images * budget)
    await sandbox.stop()
  }
}
