internal import Foundation
internal import GRDB
public import ScenarioAPI
internal import Synchronization

/// The record of this machine's jobs: one SQLite file that survives crashes, interruptions and power cuts.
///
/// The service takes no idempotency key. The only guard against paying twice or losing a paid result is to record the intent
/// before a request and its outcome right after. Every method returns when the change is on the disk (WAL, `synchronous=FULL`).
/// Several processes may share one ledger.
///
/// The methods block for the few milliseconds that a sync takes. They are deliberately not `async`, because a canceled task must
/// still be able to record the job that it has just paid for.
public final class Ledger: Sendable {
  /// Where the file is.
  public let path: String
  private let database: DatabaseQueue
  private let commits = Mutex(0)
  private let onCommit: (@Sendable (_ number: Int, _ step: String) -> Void)?

  /// Opens the ledger. A missing file or folder is made, closed to other users.
  ///
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable`; a ledger of another version is refused, and nothing
  ///   in it is changed.
  public convenience init(path: String) throws(PipelineError) { try self.init(path: path, onCommit: nil) }

  /// Opens the ledger as ``init(path:)`` does.
  ///
  /// `onCommit` is called after every commit with the commit's number, from 1, and its step: tests end the process there.
  package init(
    path: String, onCommit: (@Sendable (_ number: Int, _ step: String) -> Void)?
  ) throws(PipelineError) {
    self.path = path
    self.onCommit = onCommit
    do {
      database = try Self.openDatabase(path)
      try FileManager.default.createDirectory(
        atPath: path + "-locks", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch let error as PipelineError {
      throw error
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  // MARK: Writing

  /// Claims the run of an order, or a new run, which is `planned`.
  ///
  /// A run that failed before anything was paid for continues where it failed. A run whose job failed gets a new attempt.
  ///
  /// - Parameters:
  ///   - intent: The order. A known order keeps the intent in the ledger until ``recordRepeat(_:of:)``.
  ///   - again: True for a new attempt of a finished order.
  /// - Returns: The run, reserved for the caller.
  /// - Throws: A ``PipelineError``: `run-in-progress` when another process works on it, or `ledger-unavailable`.
  package func claim(_ intent: LedgerIntent, again: Bool) throws(PipelineError) -> LedgerClaim {
    let id = try write("claim") { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM run WHERE key = ? ORDER BY draw DESC LIMIT 1", arguments: [intent.key])
      guard let row else { return try Self.insert(intent, draw: 0, in: database) }
      let latest = try LedgerEntry(row, results: [])
      switch latest.state {
      case .failed where latest.jobID != nil, .downloaded where again:
        return try Self.insert(intent, draw: latest.draw + 1, in: database)
      case .failed:
        let state: LedgerEntry.State =
          latest.assetID != nil ? .uploaded : latest.intent.preparedSHA256 != nil ? .prepared : .planned
        try database.execute(
          sql: "UPDATE run SET state = ?, failure = NULL, updatedAt = ? WHERE id = ?",
          arguments: [state.rawValue, Self.now, latest.id])
      default: break
      }
      return latest.id
    }
    return try claim(id)
  }

  /// Claims a run by its number.
  ///
  /// - Throws: A ``PipelineError``: `run-in-progress` when another process works on it, or `ledger-unavailable`.
  package func claim(_ id: Int64) throws(PipelineError) -> LedgerClaim {
    guard let lock = try LedgerLock(path: "\(path)-locks/\(id)") else {
      throw PipelineError(
        .runInProgress, stage: .submit, "another process is at work on this order (run \(id))",
        remedy: "wait until it ends", runID: id)
    }
    return LedgerClaim(entry: try entry(run: id), lock: lock)
  }

  private static func insert(_ intent: LedgerIntent, draw: Int, in database: Database) throws -> Int64 {
    try NewRun(intent: intent, draw: draw, createdAt: now).insert(database)
    return database.lastInsertedRowID
  }

  /// Records that the order was given again: its name for the source and its places for the results replace the old ones.
  package func recordRepeat(_ id: Int64, of intent: LedgerIntent) throws(PipelineError) {
    try update(
      id, step: "repeat",
      [
        "source": intent.source, "secondSHA256": intent.secondSHA256, "folder": intent.folder,
        "nameTemplate": intent.nameTemplate, "stem": intent.stem,
      ])
  }

  /// Records that the prepared image is on disk and that the request is complete but for the uploads.
  package func recordPrepared(
    _ id: Int64, sha256: String?, path: String?, geometry: String?, parameters: String
  ) throws(PipelineError) {
    try update(
      id, to: .prepared,
      ["preparedSHA256": sha256, "preparedPath": path, "geometry": geometry, "parameters": parameters])
  }

  /// Records that the service has the image, and the mask or control image if there is one.
  package func recordUpload(_ id: Int64, asset: AssetID, parameters: String) throws(PipelineError) {
    try update(id, to: .uploaded, ["assetID": asset.rawValue, "parameters": parameters])
  }

  /// Records that the submit is about to be sent.
  package func recordSubmitting(_ id: Int64) throws(PipelineError) {
    try update(id, to: .submitting, ["submittedAt": Date.now.timeIntervalSince1970])
  }

  /// Records the job that the service accepted, or that reconciling found.
  package func recordSubmission(_ id: Int64, job: JobID, cost: String?) throws(PipelineError) {
    try update(id, to: .submitted, ["jobID": job.rawValue, "cost": cost, "failure": nil])
  }

  /// Records that the job of the submit, if there is one, could not be found.
  package func recordNeedsDecision(_ id: Int64, reason: String) throws(PipelineError) {
    try update(id, to: .needsDecision, ["failure": reason])
  }

  /// Records that the submit started no job.
  package func recordNotSubmitted(_ id: Int64) throws(PipelineError) {
    try update(id, to: .uploaded, ["failure": nil])
  }

  /// Records that the job succeeded.
  package func recordSuccess(_ id: Int64) throws(PipelineError) { try update(id, to: .succeeded) }

  /// Records that the run ended without results. `reason` is one line for people.
  package func recordFailure(_ id: Int64, reason: String) throws(PipelineError) {
    try update(id, to: .failed, ["failure": reason])
  }

  /// Records that one result is on disk.
  package func recordResult(_ id: Int64, _ result: LedgerResult) throws(PipelineError) {
    try write("result") { try NewResult(run: id, result: result).insert($0, onConflict: .replace) }
  }

  /// Records that all results are on disk.
  package func recordDownloads(_ id: Int64) throws(PipelineError) { try update(id, to: .downloaded) }

  // MARK: Reading

  /// The runs, newest first.
  public func entries(limit: Int = 100) throws(PipelineError) -> [LedgerEntry] {
    try entries("ORDER BY id DESC LIMIT ?", [limit])
  }

  /// The run that a job belongs to.
  ///
  /// - Throws: A ``PipelineError`` with the code `unknown-job` when no run of this machine started it.
  public func entry(job: JobID) throws(PipelineError) -> LedgerEntry {
    guard let entry = try entries("WHERE jobID = ? ORDER BY id DESC LIMIT 1", [job.rawValue]).first else {
      throw PipelineError(
        .unknownJob, stage: .wait, "the ledger knows no job \(job)", remedy: .listJobs, jobID: job
      )
    }
    return entry
  }

  /// The run with this number.
  ///
  /// - Throws: A ``PipelineError`` with the code `unknown-job` when there is none.
  public func entry(run: Int64) throws(PipelineError) -> LedgerEntry {
    guard let entry = try entries("WHERE id = ?", [run]).first else {
      throw PipelineError(
        .unknownJob, stage: .wait, "the ledger knows no run \(run)", remedy: .listJobs)
    }
    return entry
  }

  /// Results that were put at an absolute path, whether or not they are still there.
  package func results(at path: String) throws(PipelineError) -> [LedgerResult] {
    try read { database in
      try Self.results("WHERE path = ?", path, in: database)
    }
  }

  /// True when the digest is that of an order's source, mask or control image; with `prepared` also when it is that of a prepared
  /// image.
  package func isInput(sha256: String, prepared: Bool) throws(PipelineError) -> Bool {
    try read { database in
      try Bool.fetchOne(
        database,
        sql: """
          SELECT EXISTS (
            SELECT 1 FROM run WHERE sourceSHA256 = ?1 OR secondSHA256 = ?1 OR (?2 AND preparedSHA256 = ?1))
          """, arguments: [sha256, prepared]) ?? false
    }
  }

  /// The jobs at this address of the service that belong to a run.
  package func claimedJobs(baseURL: String) throws(PipelineError) -> Set<JobID> {
    try read { database in
      Set(
        try String.fetchAll(
          database, sql: "SELECT jobID FROM run WHERE baseURL = ? AND jobID IS NOT NULL", arguments: [baseURL]
        ).map(JobID.init(rawValue:)))
    }
  }

  /// True when another attempt of the same order is also unresolved.
  package func hasRival(_ entry: LedgerEntry) throws(PipelineError) -> Bool {
    try read { database in
      try Bool.fetchOne(
        database,
        sql: """
          SELECT EXISTS (SELECT 1 FROM run WHERE key = ? AND id <> ? AND state IN ('submitting', 'needs-decision'))
          """, arguments: [entry.intent.key, entry.id]) ?? false
    }
  }

  func read<Result>(_ body: (Database) throws -> Result) throws(PipelineError) -> Result {
    do {
      return try database.read(body)
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  /// Asks SQLite whether the file is sound.
  ///
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable` whose message contains SQLite's finding.
  public func check() throws(PipelineError) {
    let findings = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
    guard findings == ["ok"] else {
      throw PipelineError(
        .ledgerUnavailable, stage: .write, "the ledger \(path) is damaged (\(findings.first ?? "no answer"))",
        remedy: .useLedger(.newKeepingThis))
    }
  }

  /// SQLite's journal mode and its `synchronous` setting: 2 is `FULL`, a sync at every commit.
  package func durability() throws -> (journalMode: String?, synchronous: Int?) {
    try database.read {
      (
        try String.fetchOne($0, sql: "PRAGMA journal_mode"), try Int.fetchOne($0, sql: "PRAGMA synchronous")
      )
    }
  }

  /// The version of the SQLite library loaded now.
  public static var libraryVersion: String {
    let version = try? DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }
    return version ?? "unknown"
  }

  private func entries(_ clause: String, _ arguments: StatementArguments) throws(PipelineError) -> [LedgerEntry] {
    try read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM run \(clause)", arguments: arguments).map { row in
        try LedgerEntry(
          row, results: try Self.results("WHERE run = ? ORDER BY position", row["id"] as Int64, in: database))
      }
    }
  }

  private static func results(
    _ clause: String, _ value: any DatabaseValueConvertible, in database: Database
  ) throws -> [LedgerResult] {
    try Fields<LedgerResult>.fetchAll(database, sql: "SELECT * FROM result \(clause)", arguments: [value]).map(\.value)
  }

  private func update(
    _ id: Int64, to state: LedgerEntry.State, _ columns: [String: (any DatabaseValueConvertible)?] = [:]
  ) throws(PipelineError) {
    try update(id, step: state.rawValue, columns.merging(["state": state.rawValue]) { $1 })
  }

  private func update(
    _ id: Int64, step: String, _ columns: [String: (any DatabaseValueConvertible)?]
  ) throws(PipelineError) {
    try write(step) { database in
      let columns = columns.merging(["updatedAt": Self.now]) { $1 }
      try Table("run").filter(Column("id") == id)
        .updateAll(database, columns.map { Column($0.key).set(to: $0.value) })
    }
  }

  func write<Result>(
    _ step: String, _ body: (Database) throws -> Result
  ) throws(PipelineError) -> Result {
    do {
      let result = try database.write(body)
      if let onCommit {
        onCommit(
          commits.withLock {
            $0 += 1; return $0
          }, step)
      }
      return result
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  static var now: String { Date.now.formatted(.iso8601) }

  private static func unavailable(_ path: String, _ error: any Error) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: .write, "the ledger \(path) cannot be used (\(error))",
      remedy: .either("check the file and its folder", or: .useLedger(.another)), underlying: error)
  }
}

/// The row of a new run.
private struct NewRun: PersistableRecord {
  static let databaseTableName = "run"
  let intent: LedgerIntent
  let draw: Int
  let createdAt: String

  func encode(to container: inout PersistenceContainer) throws {
    try Fields(intent).encode(to: &container)
    container["draw"] = draw
    container["createdAt"] = createdAt
    container["updatedAt"] = createdAt
    container["state"] = LedgerEntry.State.planned.rawValue
  }
}

/// A result and the run it belongs to.
private struct NewResult: PersistableRecord {
  static let databaseTableName = "result"
  let run: Int64
  let result: LedgerResult

  func encode(to container: inout PersistenceContainer) throws {
    try Fields(result).encode(to: &container)
    container["run"] = run
  }
}

/// A value whose fields are columns, as GRDB reads and writes them: a public type cannot conform to its protocols itself.
private struct Fields<Value: Codable>: Codable, FetchableRecord, EncodableRecord {
  let value: Value

  init(_ value: Value) { self.value = value }
  init(from decoder: any Decoder) throws { value = try Value(from: decoder) }
  func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

extension LedgerEntry {
  fileprivate init(_ row: Row, results: [LedgerResult]) throws {
    guard let state = State(rawValue: row["state"]) else {
      throw DatabaseError(message: "run \(row["id"] as Int64) is in the unknown state \(row["state"] as String)")
    }
    self.init(
      id: row["id"], draw: row["draw"], createdAt: row["createdAt"], state: state,
      intent: try Fields<LedgerIntent>(row: row).value,
      assetID: (row["assetID"] as String?).map(AssetID.init(rawValue:)),
      jobID: (row["jobID"] as String?).map(JobID.init(rawValue:)), submittedAt: row["submittedAt"], cost: row["cost"],
      failure: row["failure"], results: results)
  }
}
