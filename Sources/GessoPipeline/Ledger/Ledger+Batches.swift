internal import Foundation
internal import GRDB

/// The place of an order in a batch.
package struct LedgerBatchPlace: Sendable, Equatable {
  /// The batch, ``LedgerBatch/id``.
  package var batch: Int64
  /// The row, with its present state.
  package var row: LedgerBatchRow

  package init(batch: Int64, row: LedgerBatchRow) {
    self.batch = batch
    self.row = row
  }
}

/// The record of batches: the rows that have begun, their outcomes, and the runs of their orders.
extension Ledger {
  // MARK: Reading

  /// The batches, the most recent first.
  public func batches(limit: Int = 100) throws(PipelineError) -> [LedgerBatch] {
    try read { database in
      try Fields<LedgerBatch>.fetchAll(
        database, sql: "SELECT * FROM batch ORDER BY updatedAt DESC, id DESC LIMIT ?", arguments: [limit]
      ).map(\.value)
    }
  }

  /// The batch with this name.
  ///
  /// - Throws: A ``PipelineError`` with the code `unknown-batch` when there is none.
  public func batch(named name: String) throws(PipelineError) -> LedgerBatch {
    let found = try read { database in
      try Fields<LedgerBatch>.fetchOne(database, sql: "SELECT * FROM batch WHERE name = ?", arguments: [name])
    }
    guard let found else {
      let names = try batches(limit: 5).map(\.name).joined(separator: ", ")
      throw PipelineError(
        .unknownBatch, stage: .open, "the ledger \(path) knows no batch \(name)",
        remedy: names.isEmpty ? "it has none yet" : .text("its last ones are \(names)"))
    }
    return found.value
  }

  /// The rows of a batch that have begun, by their positions.
  ///
  /// - Parameters:
  ///   - batch: The batch.
  ///   - position: The rows after this position; 0 for all.
  ///   - limit: The most rows, so that many can be read in parts.
  /// - Returns: The rows.
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable`.
  public func rows(
    of batch: LedgerBatch, after position: Int = 0, limit: Int = .max
  ) throws(PipelineError) -> [LedgerBatchRow] {
    try read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM batchRow WHERE batch = ? AND position > ? ORDER BY position LIMIT ?",
        arguments: [batch.id, position, limit]
      ).map(LedgerBatchRow.init)
    }
  }

  /// A row of a batch, if it has begun.
  public func row(_ key: String, of batch: LedgerBatch) throws(PipelineError) -> LedgerBatchRow? {
    try read { database in
      try Row.fetchOne(
        database, sql: "SELECT * FROM batchRow WHERE batch = ? AND key = ?", arguments: [batch.id, key]
      ).map(LedgerBatchRow.init)
    }
  }

  /// The number of a batch's rows in each state.
  public func counts(of batch: LedgerBatch) throws(PipelineError) -> [LedgerBatchRow.State: Int] {
    try read { database in
      var counts: [LedgerBatchRow.State: Int] = [:]
      for row in try Row.fetchAll(
        database, sql: "SELECT state, COUNT(*) AS rows FROM batchRow WHERE batch = ? GROUP BY state",
        arguments: [batch.id])
      {
        if let state = LedgerBatchRow.State(rawValue: try row.value(of: "state")) {
          counts[state] = try row.value(of: "rows")
        }
      }
      return counts
    }
  }

  // MARK: Writing

  /// Records that a batch begins, or continues.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - input: The absolute path of the folder or manifest of its rows.
  ///   - folder: The absolute path of the folder for its results.
  ///   - command: The command, without secrets.
  ///   - rowCount: The present number of its rows.
  /// - Returns: The batch on record.
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable`.
  package func beginBatch(
    named name: String, input: String, folder: String, command: String, rowCount: Int
  ) throws(PipelineError) -> LedgerBatch {
    try write("batch") { database in
      try database.execute(
        sql: """
          INSERT INTO batch (name, createdAt, updatedAt, input, folder, command, rowCount) VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6)
          ON CONFLICT (name) DO UPDATE SET updatedAt = ?2, input = ?3, folder = ?4, command = ?5, rowCount = ?6
          """, arguments: [name, Self.now, input, folder, command, rowCount])
    }
    return try batch(named: name)
  }

  /// Records the state of a row. If `row` has no run, the run on record is kept.
  package func recordRow(_ place: LedgerBatchPlace) throws(PipelineError) {
    try write("row") { try Self.put(place, in: $0) }
  }

  static func put(_ place: LedgerBatchPlace, in database: Database) throws {
    let row = place.row
    let times = Dictionary(uniqueKeysWithValues: row.times.map { ($0.key.rawValue, $0.value) })
    try database.execute(
      sql: """
        INSERT INTO batchRow (batch, key, position, input, path, run, state, failure, times)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (batch, key) DO UPDATE SET position = ?3, input = ?4, path = ?5, run = COALESCE(?6, run), state = ?7,
          failure = ?8, times = ?9
        """,
      arguments: [
        place.batch, row.key, row.position, row.input, row.path, row.runID, row.state.rawValue,
        try row.failure.map { try JSONText.line($0) }, try JSONText.line(times),
      ])
  }
}

extension LedgerBatchRow {
  fileprivate init(_ row: Row) throws {
    let word: String = try row.value(of: "state")
    guard let state = State(rawValue: word) else {
      throw DatabaseError(message: "a row of a batch is in the unknown state \(word)")
    }
    var times: [Moment: Double] = [:]
    for (name, time) in try JSONText.value([String: Double].self, of: try row.value(of: "times", as: String.self)) {
      if let moment = Moment(rawValue: name) { times[moment] = time }
    }
    let failure: String? = try row.value(ifIn: "failure")
    self.init(
      position: try row.value(of: "position"), key: try row.value(of: "key"), input: try row.value(of: "input"),
      path: try row.value(ifIn: "path"), runID: try row.value(ifIn: "run"), state: state,
      failure: try failure.map { try JSONText.value(FailureRecord.self, of: $0) }, times: times)
  }
}
