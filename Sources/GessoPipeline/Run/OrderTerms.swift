/// What an order that is one of many keeps to.
struct OrderTerms: Sendable {
  /// How often a run of another process is looked at.
  static let interval = Duration.seconds(1)
  /// The pause before another submit where the jobs of other processes take all places of the account.
  static let longInterval = Duration.seconds(15)

  /// The orders that ``Img2ImgOrder/maxCost`` is for together with this one, by their keys, where the batch is not on record.
  var keys: Set<String> = []
  /// The row of the order, where its batch is on record: the limit is then for all orders of the batch.
  var place: LedgerBatchPlace?
  /// How long other processes are waited for, at the same order or with jobs in all places of the account; nil not to wait.
  var patience: Duration?
  /// What stops all orders of a batch before they submit.
  var brake: Brake?

  /// What ``Img2ImgOrder/maxCost`` of an order with this key is for.
  func scope(with key: String) -> SpendingLimit.Scope {
    place.map { .batch($0.batch) } ?? .orders(keys.union([key]))
  }
}
