internal import Foundation
internal import GRDB

extension Ledger {
  /// The cost of the jobs of a batch, with those of earlier attempts at its orders, as its limit counts them.
  ///
  /// - Returns: The sum in creative units, and how many jobs it leaves out, because neither cost nor price of them is on record.
  func cost(of batch: LedgerBatch) throws(PipelineError) -> (sum: Decimal, unknown: Int) {
    try read { database in
      let (condition, arguments) = try SpendingLimit.Scope.batch(batch.id).rows(account: "", now: 0)
      var cost = (sum: Decimal.zero, unknown: 0)
      for row in try Row.fetchAll(
        database, sql: "SELECT cost, price FROM run WHERE \(condition)", arguments: arguments)
      {
        if let amount = (row["cost"] ?? row["price"] as String?).flatMap({ Decimal(string: $0) }) {
          cost.sum += amount
        } else {
          cost.unknown += 1
        }
      }
      return cost
    }
  }
}
