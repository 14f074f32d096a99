public import Foundation
public import Ground
public import ScenarioAPI

/// Carries out many orders, several at a time. They share the account's limit of parallel jobs and one limit of cost.
///
/// Each order is made when its turn comes and released when it has ended, so that memory does not grow with the number of orders. At most
/// ``ahead`` orders prepare their image before they have a job, and images that wait for their upload take at most a quarter of
/// `Limits.maxMemory` and a tenth of the free disk space. If the listener reads events slowly, new orders wait for it.
///
/// A failure of one order does not stop the others, unless every other order would fail in the same way. This is so if the credentials are
/// refused, the credit is used up, the disk is full, the ledger cannot be used, the limit of cost is reached, or the service is down. Then
/// no more orders begin, orders without a job submit none, and running jobs are followed to their ends.
public struct Img2ImgBatch: Sendable {
  /// The progress of the batch.
  public enum Event<Value: Sendable>: Sendable {
    /// An order has begun.
    case began(index: Int)
    /// An event of the order with this index, from 0.
    case progress(index: Int, Img2ImgEvent)
    /// The end of one order.
    case ended(index: Int, Result<Value, any Error>)
    /// The order failed in an earlier run and is skipped, with the failure on record (see ``retriesFailed``).
    case leftAlone(index: Int, FailureRecord)
    /// The order was stopped before it had a job: by the failure of another order, or by ``maxJobs``. The same batch
    /// can begin it again.
    case stopped(index: Int)
    /// No more orders begin, for this reason, which applies to every other order too.
    case stopping(any Error)
  }

  /// One of the orders.
  public struct Item: Sendable {
    /// The row of the order in the ledger; nil if the batch is not in the ledger.
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
  /// Makes the order with this index, from 0. The order's own ``Img2ImgOrder/maxCost`` counts only if ``maxCost`` is
  /// nil.
  public var item: @Sendable (_ index: Int) throws -> Item
  /// The batch in the ledger whose rows the orders belong to; nil if the batch is not recorded.
  public var batch: LedgerBatch?
  /// The most creative units that all orders may cost together, including earlier attempts in the ledger; nil for any number. If ``batch``
  /// is nil, every order is made, and its images are read for its key, before the first order begins. If ``batch`` is set, an order counts
  /// from the moment it begins, in this run of the batch or an earlier one.
  public var maxCost: Decimal?
  /// The most orders in progress at a time, from 1. Fewer images are prepared, and fewer jobs run, when cores, memory
  /// or the account's plan limit them.
  public var width = 16
  /// The most of these orders that have no job yet, from 1.
  public var ahead = 16
  /// True to report the ends of orders in the sequence of the orders, false to report each end at once.
  public var keepsOrder = true
  /// True to retry rows that failed in an earlier run.
  public var retriesFailed = false
  /// The number of failed orders after which no more begin; nil for no limit.
  public var maxFailures: Int?
  /// The most jobs to start; nil for no limit.
  public var maxJobs: Int?
  /// The longest wait for other processes: for a process that works on the same order, or for jobs that use up the account's limit. Nil
  /// means no wait.
  public var patience: Duration?
  /// Words a failure for the ledger.
  public var words: @Sendable (any Error) -> FailureRecord = FailureRecord.init

  /// Makes a batch.
  ///
  /// - Parameters:
  ///   - pipeline: Carries the orders out.
  ///   - count: The number of orders.
  ///   - item: Makes the order with this index, from 0.
  public init(pipeline: Img2ImgPipeline, count: Int, item: @escaping @Sendable (_ index: Int) throws -> Item) {
    self.pipeline = pipeline
    self.count = count
    self.item = item
  }

  /// Carries out the orders as ``Img2ImgPipeline/start(_:polling:)`` does.
  ///
  /// - Returns: The work. After canceling, no more orders begin, and each running order ends in the way in which a single order ends. The
  ///   result of the work then throws `CancellationError`.
  public func start(polling: JobPolling = JobPolling()) -> Run<Event<Img2ImgResult>, Void> {
    var polling = polling
    polling.pace = polling.pace ?? JobPace()
    return run(isOrdered: true) { [polling] order, terms, report in
      try await pipeline.results(of: order, under: terms, polling: polling, report)
    }
  }

  /// Asks for the price of each order as ``Img2ImgPipeline/price(_:)`` does. The limit of cost is not applied, and the batch is not
  /// recorded.
  public func prices() -> Run<Event<Decimal>, Void> {
    run(isOrdered: false) { order, terms, report in try await pipeline.price(of: order, under: terms, report) }
  }

  /// Prepares the image of each order without any request to the service. Later runs of these orders reuse the prepared
  /// images.
  ///
  /// - Returns: The work. The value of an order is the path of its prepared image; nil if the service fetches the image itself.
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

  /// All orders and their keys, if there is a limit of cost and no recorded batch. The limit applies to all orders together, so that all
  /// keys are needed before the first order begins. In all other cases nil and no keys.
  private func limited() async throws -> ([Item]?, Set<String>) {
    guard maxCost != nil, batch == nil else { return (nil, []) }
    var (made, keys) = ([Item](), Set<String>())
    for index in 0..<count {
      try Task.checkCancellation()
      do {
        let order = try await item(index).order()
        made.append(Item { order })
        // An image that cannot be read gives no key; its order fails later, with its own error.
        let key = try? await offThePool { _ in try order.key(on: pipeline.client, ledger: pipeline.ledger) }
        if let key { keys.insert(key) }
      } catch {
        made.append(Item { throw error })
      }
    }
    return (made, keys)
  }
}
