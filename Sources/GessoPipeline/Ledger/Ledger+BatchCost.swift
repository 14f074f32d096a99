internal import Foundation
internal import GRDB

extension Ledger {
  /// The cost of a batch's jobs, earlier attempts at its orders included, as the limit of the batch counts it.
  ///
  /// - Returns: The sum in creative units, and the number of jobs missing from it because neither their cost nor their
  ///   price is on record.
  func cost(of batch: LedgerBatch) throws(PipelineError) -> (sum: Decimal, unknown: Int) {
    try read { database in
      let (condition, arguments) = try SpendingLimit.Scope.batch(batch.id).rows(account: "", now: 0)
      var cost = (sum: Decimal.zero, unknown: 0)
      for row in try Row.fetchAll(
        database, sql: "SELECT cost, price FROM run WHERE \(condition)", arguments: arguments)
      {
        let text: String? = try row.value(ifIn: "cost") ?? row.value(ifIn: "price")
        if let amount = text.flatMap({ Decimal(string: $0) }) {
          cost.sum += amount
        } else {
          cost.unknown += 1
        }
      }
      return cost
    }
  }
}
