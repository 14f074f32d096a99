import Driver
import Foundation
import GRDB
@testable import GessoPipeline

/// A ledger whose cells libFuzzer fills with values of any type. Another program could write such values.
struct Target {
  let ledger: Ledger
  let database: DatabaseQueue
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/fuzzed-ledger-\(getpid())"
    // The tables have no NOT NULL conditions, because another program could make them without.
    database = try DatabaseQueue(path: path)
    try database.writeWithoutTransaction { database in
      try database.execute(sql: Ledger.tables.replacing(" NOT NULL", with: ""))
      try database.execute(sql: "PRAGMA application_id = 1195725651; PRAGMA user_version = \(Ledger.version)")
      try database.execute(
        sql: """
          INSERT INTO run (id, key, attempt) VALUES (1, 'key', 0);
          INSERT INTO result (run, position) VALUES (1, 1);
          INSERT INTO batch (id, name) VALUES (1, 'batch');
          INSERT INTO batchRow (batch, key, run) VALUES (1, 'row', 1);
          """)
    }
    ledger = try Ledger(path: path)
    try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
  }
}

let target: Target = {
  do { return try Target() } catch { fatalError("\(error)") }
}()

/// The columns that are filled, in the order of the cells.
let columns: [(table: String, names: [String])] = [
  (
    "run",
    [
      "state", "attempt", "isOrdered", "account", "baseURL", "projectID", "source", "sourceSHA256", "otherSHA256",
      "recipeSHA256", "preparedSHA256", "preparedPath", "geometry", "model", "prompt", "parameters", "seed", "folder",
      "nameTemplate", "stem", "assetID", "dryRunAt", "price", "submittedAt", "jobID", "cost", "wasDryRun", "named",
      "failure", "createdAt", "updatedAt",
    ]
  ), ("result", ["assetID", "path", "sha256", "number", "recordSHA256"]),
  ("batch", ["createdAt", "updatedAt", "input", "folder", "command", "rowCount"]),
  ("batchRow", ["position", "input", "path", "state", "failure", "times"]),
]

/// Line feeds separate the cells. The first character of a cell gives the type of its value.
func fill(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  var cells = bytes.split(separator: 10, omittingEmptySubsequences: false)[...]
  do {
    try target.database.writeWithoutTransaction { database in
      for (table, names) in columns {
        let values = names.map { _ in value(cells.popFirst() ?? []) }
        let pairs = names.map { "\($0) = ?" }.joined(separator: ", ")
        try database.execute(sql: "UPDATE \(table) SET \(pairs)", arguments: StatementArguments(values))
      }
    }
  } catch { fatalError("\(error)") }
  read()
  return 0
}

/// The value of a cell: nothing, a whole number, a number, bytes, or text.
func value(_ cell: ArraySlice<UInt8>) -> DatabaseValue {
  let text = String(decoding: cell.dropFirst(), as: UTF8.self)
  switch cell.first {
  case UInt8(ascii: "n"): return .null
  case UInt8(ascii: "i"): return (Int64(text) ?? 0).databaseValue
  case UInt8(ascii: "r"): return (Double(text) ?? 0).databaseValue
  case UInt8(ascii: "b"): return Data(cell.dropFirst()).databaseValue
  default: return text.databaseValue
  }
}

/// Calls every function that reads the ledger. Any outcome but a crash is accepted.
func read() {
  let ledger = target.ledger
  _ = try? ledger.entries()
  _ = try? ledger.entry(run: 1)
  if let claim = try? ledger.claim(1) { _ = claim.entry.mayHaveJob }
  for batch in (try? ledger.batches()) ?? [] {
    _ = try? ledger.rows(of: batch)
    _ = try? ledger.row("row", of: batch)
    _ = try? ledger.counts(of: batch)
    _ = try? ledger.cost(of: batch)
  }
}

fuzz(fill)
