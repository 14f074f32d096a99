internal import Foundation
internal import GRDB
package import Ground
public import ScenarioAPI
internal import Synchronization

/// The record of this machine's jobs: one SQLite file that survives crashes, interruptions and power cuts.
///
/// The service takes no idempotency key. The only guard against paying twice or losing a paid result is to record the intent before a
/// request and its outcome right after. Every method returns when the change is on the disk (WAL, `synchronous=FULL`). Several processes
/// may share one ledger. On a network file system, only one process may have it.
///
/// The methods block for the few milliseconds that a sync takes. They are deliberately not `async`, because a canceled task must
/// still be able to record the job that it has just paid for.
public final class Ledger: Sendable {
  /// The path of the file.
  public let path: String
  private let database: DatabaseQueue
  /// The lock that excludes other processes and tasks from a ledger on a network file system; nil for one that processes share.
  private let alone: (lock: LedgerLock, names: HeldNames)?
  private let commits = Mutex(0)
  private let onCommit: (@Sendable (_ number: Int, _ step: String) -> Void)?

  /// Opens the ledger. A missing file or folder is made, closed to other users.
  ///
  /// - Parameters:
  ///   - path: The path of the file.
  ///   - allowingNetwork: True to open a ledger on a network file system too. Then only one process on all machines may have the ledger:
  ///     the call fails while another process has it, and this process keeps it as long as this value lives. The locks of the file system
  ///     have to work between machines (Lustre: with the mount option `flock`; SMB: without `nobrl`; FUSE: see the documentation of its
  ///     program).
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable`; a ledger of another version is refused, and nothing
  ///   in it is changed.
  public convenience init(path: String, allowingNetwork: Bool = false) throws(PipelineError) {
    try self.init(path: path, allowingNetwork: allowingNetwork, onCommit: nil)
  }

  /// Opens the ledger as ``init(path:allowingNetwork:)`` does.
  ///
  /// `onCommit` is called after every commit with the commit's number, from 1, and its step, so that tests can end the process at that
  /// point. `fileSystem` finds the file system of a folder, and `pause` blocks between two attempts to lock it.
  package init(
    path: String, allowingNetwork: Bool = false, onCommit: (@Sendable (_ number: Int, _ step: String) -> Void)?,
    fileSystem: (String) -> FileSystem? = FileSystem.init(holding:),
    pause: (Duration) -> Void = { Thread.sleep(forTimeInterval: $0 / .seconds(1)) }
  ) throws(PipelineError) {
    self.path = path
    self.onCommit = onCommit
    do {
      let folder = URL(filePath: path).deletingLastPathComponent().path
      try Folder.make(folder, permissions: 0o700)
      if let type = fileSystem(folder)?.networkType {
        guard allowingNetwork else { throw Self.refusal(of: path, on: type) }
        let lock: LedgerLock
        (database, lock) = try Self.openAlone(path, on: type)
        alone = (lock, HeldNames())
      } else {
        database = try Self.openShared(path, in: folder, pause: pause)
        alone = nil
        try Folder.make(path + "-locks", permissions: 0o700)
      }
    } catch let error as PipelineError {
      throw error
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  // MARK: Claiming

  /// Claims the run of an order, or a new run in the state `planned`.
  ///
  /// A run that failed before anything was paid for continues where it failed. A run whose job failed, or whose submit of unknown
  /// outcome was dropped, stays as it is, and the order gets a new attempt.
  ///
  /// - Parameters:
  ///   - intent: The order. If the order is known, the ledger keeps its intent until ``recordRepeat(_:of:)`` is called.
  ///   - again: True for a new attempt of an order that is finished, or whose results the service no longer has.
  ///   - isOrdered: False when only the price is asked for. Such a run is not listed until it is ordered or has a job.
  ///   - place: The row of a batch that made the order. In the same transaction, the claimed run is recorded as the run of this row.
  /// - Returns: The run, reserved for the caller.
  /// - Throws: A ``PipelineError``: `run-in-progress` when another process works on it, or `ledger-unavailable`.
  package func claim(
    _ intent: LedgerIntent, again: Bool, isOrdered: Bool = true, for place: LedgerBatchPlace? = nil
  ) throws(PipelineError) -> LedgerClaim {
    let id = try write("claim") { database in
      let id = try Self.run(of: intent, again: again, isOrdered: isOrdered, in: database)
      if var place {
        place.row.runID = id
        try Self.put(place, in: database)
      }
      return id
    }
    return try claim(id)
  }

  /// The run that an order continues, or a new one.
  private static func run(
    of intent: LedgerIntent, again: Bool, isOrdered: Bool, in database: Database
  ) throws -> Int64 {
    let row = try Row.fetchOne(
      database, sql: "SELECT * FROM run WHERE key = ? ORDER BY attempt DESC LIMIT 1", arguments: [intent.key])
    guard let row else { return try insert(intent, attempt: 0, isOrdered, in: database) }
    let latest = try LedgerEntry(row, results: [])
    switch latest.state {
    case .failed where latest.jobID != nil || latest.submittedAt != nil, .downloaded where again,
      .succeeded where again && latest.failure != nil:
      return try insert(intent, attempt: latest.attempt + 1, isOrdered, in: database)
    case .failed:
      let state: LedgerEntry.State =
        latest.assetID != nil ? .uploaded : latest.intent.preparedSHA256 != nil ? .prepared : .planned
      try database.execute(
        sql: "UPDATE run SET state = ?, failure = NULL, updatedAt = ? WHERE id = ?",
        arguments: [state.rawValue, now, latest.id])
    default: break
    }
    if isOrdered {
      // A request for the price has put no file into the order's folder. The run therefore begins again, and reuses its upload.
      try database.execute(
        sql: """
          UPDATE run SET state = CASE WHEN isOrdered OR state NOT IN ('prepared', 'uploaded') THEN state ELSE 'planned' END,
            isOrdered = 1
          WHERE id = ?
          """, arguments: [latest.id])
    }
    return latest.id
  }

  /// Claims a run by its number.
  ///
  /// - Throws: A ``PipelineError``: `run-in-progress` when another process works on it, or `ledger-unavailable`.
  package func claim(_ id: Int64) throws(PipelineError) -> LedgerClaim {
    guard let lock = try lock(id) else {
      throw PipelineError(
        .runInProgress, stage: .submit, "another process works on this order (run \(id))",
        remedy: "wait until it ends", runID: id)
    }
    return LedgerClaim(entry: try entry(run: id), lock: lock)
  }

  /// True while another task or process works on a run.
  func isClaimed(_ id: Int64) throws(PipelineError) -> Bool { try lock(id) == nil }

  private func lock(_ id: Int64) throws(PipelineError) -> LedgerLock? { try lock(named: "\(id)") }

  /// An exclusive lock of this name in the ledger; nil while another task or process has it.
  func lock(named name: String) throws(PipelineError) -> LedgerLock? {
    if let alone { return LedgerLock(name, among: alone.names) }
    return try LedgerLock(path: "\(path)-locks/\(name)")
  }

  static func insert(
    _ intent: LedgerIntent, attempt: Int, _ isOrdered: Bool, in database: Database
  ) throws -> Int64 {
    try NewRun(intent: intent, attempt: attempt, isOrdered: isOrdered, createdAt: now).insert(database)
    return database.lastInsertedRowID
  }

  /// Records a prepared image that belongs to no order. It replaces an earlier record of the same image.
  static func replacePreparation(_ intent: LedgerIntent, in database: Database) throws {
    try NewRun(intent: intent, attempt: 0, isOrdered: false, createdAt: now, state: .prepared)
      .insert(database, onConflict: .replace)
  }

  // MARK: Results

  /// Records that one result is on disk.
  package func recordResult(_ id: Int64, _ result: LedgerResult) throws(PipelineError) {
    try write("result") { try NewResult(run: id, result: result).insert($0, onConflict: .replace) }
  }

  // MARK: Reading

  /// The runs, newest first, without requests for a price.
  public func entries(limit: Int = 100) throws(PipelineError) -> [LedgerEntry] {
    try entries("WHERE isOrdered ORDER BY id DESC LIMIT ?", [limit])
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

  /// The latest run for which the same image was prepared by the same recipe. The prepared file may have been removed or changed since.
  func preparedRun(sourceSHA256: String, recipeSHA256: String) throws(PipelineError) -> LedgerEntry? {
    try entries(
      """
      WHERE sourceSHA256 = ? AND recipeSHA256 = ? AND preparedPath IS NOT NULL AND geometry IS NOT NULL
      ORDER BY id DESC LIMIT 1
      """, [sourceSHA256, recipeSHA256]
    ).first
  }

  /// Results that were put at an absolute path, whether or not they are still there.
  package func results(at path: String) throws(PipelineError) -> [LedgerResult] {
    try read { database in
      try Self.results("WHERE path = ?", path, in: database)
    }
  }

  /// True when the digest is that of an image that any order starts from: a source, a mask, a control image, or an image for a field. If
  /// `prepared` is true, the digest of a prepared image counts too.
  package func isInput(sha256: String, prepared: Bool) throws(PipelineError) -> Bool {
    try read { database in
      try Bool.fetchOne(
        database,
        sql: """
          SELECT EXISTS (
            SELECT 1 FROM run WHERE sourceSHA256 = ?1 OR instr(otherSHA256, ?1) OR (?2 AND preparedSHA256 = ?1))
          """, arguments: [sha256, prepared]) ?? false
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

  func entries(_ clause: String, _ arguments: StatementArguments) throws(PipelineError) -> [LedgerEntry] {
    try read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM run \(clause)", arguments: arguments).map { row in
        let id = try row.value(of: "id", as: Int64.self)
        return try LedgerEntry(
          row, results: try Self.results("WHERE run = ? ORDER BY position", id, in: database))
      }
    }
  }

  private static func results(
    _ clause: String, _ value: any DatabaseValueConvertible, in database: Database
  ) throws -> [LedgerResult] {
    try Row.fetchAll(database, sql: "SELECT * FROM result \(clause)", arguments: [value]).map { row in
      LedgerResult(
        index: try row.value(of: "position"), assetID: AssetID(rawValue: try row.value(of: "assetID")),
        path: try row.value(of: "path"), sha256: try row.value(of: "sha256"), number: try row.value(of: "number"),
        recordSHA256: try row.value(ifIn: "recordSHA256"))
    }
  }

  func update(
    _ id: Int64, to state: LedgerEntry.State, _ columns: [String: (any DatabaseValueConvertible)?] = [:]
  ) throws(PipelineError) {
    try update(id, step: state.rawValue, columns.merging(["state": state.rawValue]) { $1 })
  }

  func update(
    _ id: Int64, step: String, _ columns: [String: (any DatabaseValueConvertible)?]
  ) throws(PipelineError) {
    try write(step) { database in
      let columns = columns.merging(["updatedAt": Self.now]) { $1 }
      try Self.update(id, columns, in: database)
    }
  }

  static func update(
    _ id: Int64, _ columns: [String: (any DatabaseValueConvertible)?], in database: Database
  ) throws {
    try Table("run").filter(Column("id") == id)
      .updateAll(database, columns.map { Column($0.key).set(to: $0.value) })
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
    } catch let error as PipelineError {
      throw error
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  static var now: String { Date.now.formatted(.iso8601) }

  /// The cause in one line: SQLite's message without the statement, or the system's.
  private static func words(for error: any Error) -> String {
    switch error {
    case let error as DatabaseError:
      "SQLite error \(error.extendedResultCode.rawValue): \(error.message ?? error.resultCode.description)"
    case let error as FileFailure: error.message
    default: reason(of: error)
    }
  }

  private static func unavailable(_ path: String, _ error: any Error) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: .write, "the ledger \(path) cannot be used (\(words(for: error)))",
      remedy: .either("check the file and its folder", or: .useLedger(.another)), underlying: error)
  }
}

/// The row of a new run.
private struct NewRun: PersistableRecord {
  static let databaseTableName = "run"
  let intent: LedgerIntent
  let attempt: Int
  let isOrdered: Bool
  let createdAt: String
  var state = LedgerEntry.State.planned

  func encode(to container: inout PersistenceContainer) throws {
    try Fields(intent).encode(to: &container)
    container["attempt"] = attempt
    container["isOrdered"] = isOrdered
    container["wasDryRun"] = false
    container["named"] = ""
    container["createdAt"] = createdAt
    container["updatedAt"] = createdAt
    container["state"] = state.rawValue
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

/// Wraps a value whose fields are columns for GRDB: a public type cannot conform to GRDB's protocols, which are not
/// public here.
struct Fields<Value: Codable>: Codable, FetchableRecord, EncodableRecord {
  let value: Value

  init(_ value: Value) { self.value = value }
  init(from decoder: any Decoder) throws { value = try Value(from: decoder) }
  func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

extension LedgerEntry {
  fileprivate init(_ row: Row, results: [LedgerResult]) throws {
    let (id, word): (Int64, String) = (try row.value(of: "id"), try row.value(of: "state"))
    guard let state = State(rawValue: word) else {
      throw DatabaseError(message: "run \(id) is in the unknown state \(word)")
    }
    self.init(
      id: id, attempt: try row.value(of: "attempt"), createdAt: try row.value(of: "createdAt"), state: state,
      intent: try Fields<LedgerIntent>(row: row).value,
      assetID: try row.value(ifIn: "assetID").map(AssetID.init(rawValue:)),
      jobID: try row.value(ifIn: "jobID").map(JobID.init(rawValue:)), dryRunAt: try row.value(ifIn: "dryRunAt"),
      submittedAt: try row.value(ifIn: "submittedAt"), price: try row.value(ifIn: "price"),
      cost: try row.value(ifIn: "cost"), wasStartedByDryRun: try row.value(of: "wasDryRun"),
      namedIDs: try row.value(of: "named", as: String.self).split(separator: " ").map(String.init),
      failure: try row.value(ifIn: "failure"), results: results)
  }
}
