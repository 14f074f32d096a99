package import Foundation
internal import GRDB
internal import Ground

/// The most creative units that a group of jobs may cost. The ledger refuses a submit that would exceed it.
package struct SpendingLimit: Sendable {
  /// The jobs that count.
  package enum Scope: Sendable {
    /// The jobs of the account on one day (UTC).
    case day
    /// The jobs of all attempts at the orders with these keys (``LedgerIntent/key``).
    case orders(Set<String>)
    /// The jobs of all attempts at the orders of the rows of this batch (``LedgerBatch/id``) that have begun.
    case batch(Int64)
  }

  package let scope: Scope
  /// The most creative units.
  package let amount: Decimal

  package init(_ scope: Scope, _ amount: Decimal) {
    self.scope = scope
    self.amount = amount
  }

  var isOfDay: Bool { if case .day = scope { true } else { false } }

  /// The error of a submit.
  ///
  /// - Parameters:
  ///   - price: The price of its job.
  ///   - spent: The sum of the other jobs.
  ///   - run: Its run.
  /// - Returns: The error, with the code `too-expensive`.
  func exceeded(by price: Decimal, after spent: Decimal, run: Int64) -> PipelineError {
    let before =
      switch scope {
      case .day: "\(spent) were spent since midnight UTC, and the limit per day is \(amount)"
      case .orders where spent == 0: "and the limit is \(amount)"
      case .orders: "\(spent) were spent on this order before and on those beside it, and the limit is \(amount)"
      case .batch: "\(spent) were spent on this batch, and its limit is \(amount)"
      }
    let (kind, other): (Remedy.Limit, Remedy) =
      switch scope {
      case .day: (.dailyCost, "order it on another day")
      case .orders, .batch: (.cost, "ask for less")
      }
    let sum = Int(exactly: NSDecimalNumber(decimal: spent + price).doubleValue.rounded(.up))
    return PipelineError(
      .tooExpensive, stage: .price, "it costs \(price) creative units, \(before)",
      remedy: .either(.raise(kind, atLeast: sum), or: other), runID: run)
  }

  /// The day (UTC) that a time in seconds since 1970 belongs to. Days are of equal length in these seconds (POSIX).
  static func day(of time: Double) -> Range<Double> {
    let length = 86_400.0
    let start = (time / length).rounded(.down) * length
    return start..<start + length
  }
}

extension SpendingLimit.Scope {
  /// An SQL condition for the rows of the table `run` that count, with its arguments.
  ///
  /// - Throws: An `EncodingError`, which no key causes in practice.
  func rows(account: String, now: Double) throws -> (condition: String, arguments: StatementArguments) {
    switch self {
    case .day:
      let day = SpendingLimit.day(of: now)
      return (
        """
        account = ?1 AND (submittedAt >= ?2 AND submittedAt < ?3
          OR submittedAt IS NULL AND dryRunAt >= ?2 AND dryRunAt < ?3)
        """, [account, day.lowerBound, day.upperBound]
      )
    case .orders(let keys):
      // The keys are one JSON argument, because SQLite takes at most 32,766 arguments by default (more on Debian).
      return (
        """
        key IN (SELECT value FROM json_each(?)) AND (submittedAt IS NOT NULL OR dryRunAt IS NOT NULL)
        """, [try JSONText.line(keys.sorted())]
      )
    case .batch(let batch):
      return (
        """
        key IN (SELECT run.key FROM batchRow JOIN run ON run.id = batchRow.run WHERE batchRow.batch = ?)
          AND (submittedAt IS NOT NULL OR dryRunAt IS NOT NULL)
        """, [batch]
      )
    }
  }
}
