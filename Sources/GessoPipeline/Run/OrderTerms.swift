/// The limits and resources that an order shares with the other orders of its batch.
struct OrderTerms: Sendable {
  /// The interval at which a run of another process is read.
  static let interval = Duration.seconds(1)
  /// The pause before another submit where the jobs of other processes take all places of the account.
  static let longInterval = Duration.seconds(15)

  /// The orders that ``Img2ImgOrder/maxCost`` is for together with this one, by their keys, where the batch is not on record.
  var keys: Set<String> = []
  /// The row of the order, where its batch is on record: the limit is then for all orders of the batch.
  var place: LedgerBatchPlace?
  /// The longest wait for other processes, with the same order or with jobs in all places of the account; nil for none.
  var patience: Duration?
  /// The brake that stops all orders of a batch before they submit.
  var brake: Brake?

  /// What ``Img2ImgOrder/maxCost`` of an order with this key is for.
  func scope(with key: String) -> SpendingLimit.Scope {
    place.map { .batch($0.batch) } ?? .orders(keys.union([key]))
  }
}
