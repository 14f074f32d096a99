public import Foundation
public import Ground
public import ScenarioAPI

/// Carries out many orders, several at a time: they share the ceiling of the account's plan and one limit of cost.
///
/// A failure of one order does not stop the others, unless every other one would fail in the same way: with refused credentials, a
/// ledger that cannot be used, or a limit of cost that is reached. Orders that have begun then still end, and no more begin.
public struct Img2ImgBatch: Sendable {
  /// The progress of the batch.
  public enum Event<Value: Sendable>: Sendable {
    /// An order has begun.
    case began(index: Int)
    /// An event of one order, by its place among the orders, from 0.
    case progress(index: Int, Img2ImgEvent)
    /// The end of one order. These events come in the order of the orders.
    case ended(index: Int, Result<Value, any Error>)
  }

  /// Makes an order when its turn comes.
  public typealias Order = @Sendable () async throws -> Img2ImgOrder

  /// Carries the orders out.
  public let pipeline: Img2ImgPipeline
  /// The orders. Their own ``Img2ImgOrder/maxCost`` counts only where ``maxCost`` is nil.
  public var orders: [Order]
  /// The most creative units that all orders may cost together, earlier attempts in the ledger included; nil for any number. With a
  /// limit every order is made, and its images are read for its key, before the first one begins.
  public var maxCost: Decimal?
  /// How many orders are under way at a time, from 1. Fewer are prepared and fewer jobs run at a time, where cores or the plan allow no
  /// more.
  public var width = 16

  /// Makes a batch.
  public init(pipeline: Img2ImgPipeline, orders: [Order], maxCost: Decimal? = nil) {
    self.pipeline = pipeline
    self.orders = orders
    self.maxCost = maxCost
  }

  /// Carries out the orders as ``Img2ImgPipeline/start(_:polling:)`` does.
  ///
  /// - Returns: The work. Canceling it begins no more orders and ends the present ones as a single one; its result then throws
  ///   `CancellationError`.
  public func start(polling: JobPolling = JobPolling()) -> Run<Event<Img2ImgResult>, Void> {
    run { order, keys, report in
      try await pipeline.results(of: order, beside: keys, polling: polling, report)
    }
  }

  /// Asks for the price of each order as ``Img2ImgPipeline/price(_:)`` does, whatever the limit.
  public func prices() -> Run<Event<Decimal>, Void> {
    run { order, _, report in try await pipeline.price(of: order, report) }
  }

  private typealias Work<Value: Sendable> =
    @Sendable (Img2ImgOrder, _ keys: Set<String>, @escaping @Sendable (Img2ImgEvent) -> Void) async throws -> Value

  private func run<Value>(_ work: @escaping Work<Value>) -> Run<Event<Value>, Void> {
    Run { report in
      let (orders, keys) = try await limited()
      var waiting: [Int: Result<Value, any Error>] = [:]
      var (begun, ended, stops) = (0, 0, false)
      await withTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
        func begin() {
          let index = begun
          begun += 1
          report(.began(index: index))
          group.addTask {
            do {
              var order = try await orders[index]()
              if let maxCost { order.maxCost = maxCost }
              return (index, .success(try await work(order, keys) { report(.progress(index: index, $0)) }))
            } catch {
              return (index, .failure(publicError(error)))
            }
          }
        }
        while !Task.isCancelled, begun < min(orders.count, max(1, width)) { begin() }
        while let (index, result) = await group.next() {
          waiting[index] = result
          if case .failure(let error) = result, Self.concernsAll(error) { stops = true }
          while let next = waiting.removeValue(forKey: ended) {
            report(.ended(index: ended, next))
            ended += 1
          }
          if !stops, !Task.isCancelled, begun < orders.count { begin() }
        }
      }
      try Task.checkCancellation()
    }
  }

  /// The orders, made already where they have a limit, and their keys.
  private func limited() async throws -> ([Order], Set<String>) {
    guard maxCost != nil else { return (orders, []) }
    var (made, keys) = ([Order](), Set<String>())
    for order in orders {
      try Task.checkCancellation()
      do {
        let order = try await order()
        made.append { order }
        // An order whose image cannot be read has no key, and fails by itself later.
        let key = try? await offThePool { _ in try order.key(on: pipeline.client, ledger: pipeline.ledger) }
        if let key { keys.insert(key) }
      } catch {
        made.append { throw error }
      }
    }
    return (made, keys)
  }

  /// True for a failure that every other order would meet too.
  private static func concernsAll(_ error: any Error) -> Bool {
    switch error {
    case let error as ScenarioError: error.code == .credentialsRefused
    case let error as PipelineError: [.ledgerUnavailable, .otherService, .tooExpensive].contains(error.code)
    default: false
    }
  }
}
