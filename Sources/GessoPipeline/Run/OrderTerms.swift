/// The limits and resources that an order shares with the other orders of its batch.
struct OrderTerms: Sendable {
  /// The interval between checks of the run of another process.
  static let interval = Duration.seconds(1)
  /// The pause before another submit when the jobs of other processes use up the account's limit.
  static let longInterval = Duration.seconds(15)

  /// The keys of the orders that share ``Img2ImgOrder/maxCost`` with this one, for a batch that is not recorded.
  var keys: Set<String> = []
  /// The row of the order in a recorded batch, all of whose orders share the limit.
  var place: LedgerBatchPlace?
  /// The longest wait for other processes: for a process that works on the same order, or for jobs that use up the account's limit. Nil
  /// means no wait.
  var patience: Duration?
  /// The brake that stops all orders of a batch before they submit.
  var brake: Brake?

  /// The jobs that ``Img2ImgOrder/maxCost`` of the order with this key limits.
  func scope(with key: String) -> SpendingLimit.Scope {
    place.map { .batch($0.batch) } ?? .orders(keys.union([key]))
  }
}
