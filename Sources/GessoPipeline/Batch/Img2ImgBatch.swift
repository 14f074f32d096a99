public import Foundation
public import Ground
public import ScenarioAPI

/// Carries out many orders, several at a time: they share the ceiling of the account's plan and one limit of cost.
///
/// An order is made when its turn comes, and nothing is kept of it once it has ended: memory does not grow with their number. Images
/// are prepared ahead of the jobs by ``ahead`` orders at most; those that wait for their upload take at most a quarter of
/// `Limits.maxMemory` and a tenth of the disk that is free. A listener that reads slowly slows the work down.
///
/// A failure of one order does not stop the others, unless every other one would fail in the same way: with refused credentials, no
/// credit, a full disk, a ledger that cannot be used, a limit of cost that is reached, or a service that is down. No more orders then
/// begin, those without a job submit none, and jobs that run are followed to their ends.
public struct Img2ImgBatch: Sendable {
  /// The progress of the batch.
  public enum Event<Value: Sendable>: Sendable {
    /// An order has begun.
    case began(index: Int)
    /// An event of one order, by its place among the orders, from 0.
    case progress(index: Int, Img2ImgEvent)
    /// The end of one order.
    case ended(index: Int, Result<Value, any Error>)
    /// An order that failed before is left alone, with the failure on record (``retriesFailed``).
    case leftAlone(index: Int, FailureRecord)
    /// An order was stopped before it had a job, by what another one met or by ``maxJobs``. It can be begun again.
    case stopped(index: Int)
    /// No more orders begin: the reason, which every other order would meet too.
    case stopping(any Error)
  }

  /// One of the orders.
  public struct Item: Sendable {
    /// Its row of the batch on record; nil where the batch is not on record.
    public var row: LedgerBatchRow?
    /// Makes the order.
    public var order: @Sendable () async throws -> Img2ImgOrder

    /// Makes an item.
    public init(row: LedgerBatchRow? = nil, order: @escaping @Sendable () async throws -> Img2ImgOrder) {
      self.row = row
      self.order = order
    }
  }

  /// Carries the orders out.
  public let pipeline: Img2ImgPipeline
  /// The number of orders.
  public let count: Int
  /// An order by its place among them, from 0. Its own ``Img2ImgOrder/maxCost`` counts only where ``maxCost`` is nil.
  public var item: @Sendable (_ index: Int) throws -> Item
  /// The batch on record whose rows the orders belong to; nil for one that is not on record.
  public var batch: LedgerBatch?
  /// The most creative units that all orders may cost together, earlier attempts in the ledger included; nil for any number. Without
  /// a ``batch`` every order is made, and its images are read for its key, before the first one begins. With one, an order counts from
  /// the moment it begins, in this or an earlier run of the batch.
  public var maxCost: Decimal?
  /// How many orders are under way at a time, from 1. Fewer are prepared and fewer jobs run at a time, where cores, memory or the plan
  /// allow no more.
  public var width = 16
  /// How many of them may have no job yet, from 1.
  public var ahead = 16
  /// True to report the ends of orders in the order of the orders, false to report them as they come.
  public var keepsOrder = true
  /// True to begin orders again whose rows failed before.
  public var retriesFailed = false
  /// The failures of orders after which no more begin; nil for any number.
  public var maxFailures: Int?
  /// The most jobs to start; nil for any number.
  public var maxJobs: Int?
  /// How long other processes are waited for: at the same order, or with jobs in all places of the account. Nil not to wait.
  public var patience: Duration?
  /// The words of a failure that are put on record.
  public var words: @Sendable (any Error) -> FailureRecord = FailureRecord.init

  /// Makes a batch.
  ///
  /// - Parameters:
  ///   - pipeline: Carries the orders out.
  ///   - count: The number of orders.
  ///   - item: An order by its place among them, from 0.
  public init(pipeline: Img2ImgPipeline, count: Int, item: @escaping @Sendable (_ index: Int) throws -> Item) {
    self.pipeline = pipeline
    self.count = count
    self.item = item
  }

  /// Carries out the orders as ``Img2ImgPipeline/start(_:polling:)`` does.
  ///
  /// - Returns: The work. Canceling it begins no more orders and ends the present ones as a single one; its result then throws
  ///   `CancellationError`.
  public func start(polling: JobPolling = JobPolling()) -> Run<Event<Img2ImgResult>, Void> {
    var polling = polling
    polling.pace = polling.pace ?? JobPace()
    return run(isOrdered: true) { [polling] order, terms, report in
      try await pipeline.results(of: order, under: terms, polling: polling, report)
    }
  }

  /// Asks for the price of each order as ``Img2ImgPipeline/price(_:)`` does, whatever the limit. Nothing is put on record of the batch.
  public func prices() -> Run<Event<Decimal>, Void> {
    run(isOrdered: false) { order, terms, report in try await pipeline.price(of: order, under: terms, report) }
  }

  /// Prepares the image of each order, and asks the service nothing. The orders find them prepared later.
  ///
  /// - Returns: The work. The value of an order is the path of its prepared image; nil where the service fetches the image itself.
  public func preparations() -> Run<Event<String?>, Void> {
    run(isOrdered: false) { order, _, report in try await pipeline.preparedPath(of: order, report) }
  }

  private typealias Work<Value: Sendable> =
    @Sendable (Img2ImgOrder, OrderTerms, @escaping @Sendable (Img2ImgEvent) -> Void) async throws -> Value

  private func run<Value>(isOrdered: Bool, _ work: @escaping Work<Value>) -> Run<Event<Value>, Void> {
    Run { report, room in
      let (items, keys) = isOrdered ? try await limited() : (nil, [])
      let flow = BatchFlow<Value>(self, isOrdered: isOrdered, report)
      try await BatchEngine(count: count, width: width, ahead: ahead).run(
        room: room, while: { !flow.brake.isOn }
      ) { index, place in
        report(.began(index: index))
        await flow.carryOut(index, items?[index], keys: keys, place, work)
      }
    }
  }

  /// The orders, made already where they have a limit and the ledger does not know their batch, and their keys.
  private func limited() async throws -> ([Item]?, Set<String>) {
    guard maxCost != nil, batch == nil else { return (nil, []) }
    var (made, keys) = ([Item](), Set<String>())
    for index in 0..<count {
      try Task.checkCancellation()
      do {
        let order = try await item(index).order()
        made.append(Item { order })
        // An order whose image cannot be read has no key, and fails by itself later.
        let key = try? await offThePool { _ in try order.key(on: pipeline.client, ledger: pipeline.ledger) }
        if let key { keys.insert(key) }
      } catch {
        made.append(Item { throw error })
      }
    }
    return (made, keys)
  }
}
