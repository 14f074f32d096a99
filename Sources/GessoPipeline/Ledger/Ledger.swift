#if Client
internal import Foundation
internal import GRDB
internal import ImagePreparation
public import ScenarioAPI
internal import Synchronization

/// What this machine knows of its jobs: one SQLite file that survives crashes, interruptions and power cuts.
///
/// The service takes no idempotency key, so the only guard against paying twice or losing a paid result is to have
/// written down what was meant before asking for it, and what came of it right after. Every method returns when the
/// change is on the disk (WAL, `synchronous=FULL`). Several processes may share one ledger.
///
/// The methods block for the few milliseconds a sync takes; they are not `async` on purpose, because a canceled task must
/// still be able to write down the job it has just paid for.
public final class Ledger: Sendable {
  /// Where the file is.
  public let path: String
  private let database: DatabaseQueue
  private let commits = Mutex(0)
  private let onCommit: (@Sendable (_ number: Int, _ step: String) -> Void)?

  /// Opens the ledger, and makes it and its folder where they are missing, closed to other users.
  ///
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable`.
  public convenience init(path: String) throws(PipelineError) { try self.init(path: path, onCommit: nil) }

  /// - Parameter onCommit: Told after every commit of its running number from 1 and of the step, for tests that end the
  ///   process there.
  package init(
    path: String, onCommit: (@Sendable (_ number: Int, _ step: String) -> Void)?
  ) throws(PipelineError) {
    self.path = path
    self.onCommit = onCommit
    do {
      let folder = URL(filePath: path).deletingLastPathComponent().path
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try FileManager.default.createDirectory(
        atPath: path + "-locks", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      database = try Self.alone(in: folder) {
        if !FileManager.default.fileExists(atPath: path) {
          // SQLite gives its journal files the permissions of the database.
          _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        // After opening: GRDB sets NORMAL with WAL, which may lose the last commits in a power cut.
        try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        try Self.migrations.migrate(database)
        return database
      }
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  /// Runs `opening` while nobody else opens a ledger of `folder`: the migrator asks what was applied and applies what is
  /// missing in separate transactions, so that two openers of a new file would both make its tables.
  private static func alone<Value>(in folder: String, _ opening: () throws -> Value) throws -> Value {
    let descriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
    return try opening()
  }

  private static var migrations: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("runs and results") { database in
      try database.execute(
        sql: """
          CREATE TABLE run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, state TEXT NOT NULL,
            baseURL TEXT NOT NULL, projectID TEXT,
            source TEXT NOT NULL, sourceSHA256 TEXT, preparedSHA256 TEXT, preparedPath TEXT, geometry TEXT,
            model TEXT NOT NULL, prompt TEXT NOT NULL, parameters TEXT NOT NULL, seed TEXT NOT NULL,
            folder TEXT NOT NULL, nameTemplate TEXT NOT NULL, stem TEXT NOT NULL,
            assetID TEXT, jobID TEXT, cost TEXT, failure TEXT);
          CREATE INDEX run_job ON run (jobID);
          CREATE TABLE result (
            run INTEGER NOT NULL REFERENCES run (id), position INTEGER NOT NULL,
            assetID TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL,
            PRIMARY KEY (run, position)) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("orders, submits and uploads") { database in
      // Runs of before have no key, and are never taken for the same order as another.
      try database.execute(
        sql: """
          ALTER TABLE run ADD COLUMN intentKey TEXT;
          ALTER TABLE run ADD COLUMN account TEXT NOT NULL DEFAULT '';
          ALTER TABLE run ADD COLUMN draw INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE run ADD COLUMN submittedAt REAL;
          CREATE UNIQUE INDEX run_order ON run (intentKey, draw);
          DROP INDEX run_job;
          CREATE UNIQUE INDEX run_job ON run (jobID, baseURL);
          CREATE TABLE upload (
            baseURL TEXT NOT NULL, account TEXT NOT NULL, sha256 TEXT NOT NULL, assetID TEXT NOT NULL,
            createdAt TEXT NOT NULL, PRIMARY KEY (baseURL, account, sha256)) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("uploads in parts") { database in
      // How far they came, as JSON: the upload's id, the size of its parts and those that arrived; no addresses.
      try database.execute(
        sql: """
          CREATE TABLE partialUpload (
            baseURL TEXT NOT NULL, account TEXT NOT NULL, sha256 TEXT NOT NULL, progress TEXT NOT NULL,
            updatedAt TEXT NOT NULL, PRIMARY KEY (baseURL, account, sha256)) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("numbered results and second images") { database in
      try database.execute(
        sql: """
          ALTER TABLE result ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
          ALTER TABLE result ADD COLUMN recordSHA256 TEXT;
          ALTER TABLE run ADD COLUMN secondSHA256 TEXT;
          """)
    }
    return migrator
  }

  // MARK: Writing

  /// Takes up an order: the run that stands for it, or a new one, which is `planned`.
  ///
  /// A run that failed before anything was paid for is taken up where it failed; one whose job failed is drawn anew.
  ///
  /// - Parameters:
  ///   - intent: What is wanted; of an order that is known, the ledger's own intent counts until
  ///     ``recordRepeat(_:of:)``.
  ///   - again: True to draw a finished order anew.
  /// - Throws: A ``PipelineError``: `run-in-progress` when somebody else is at work on it, or `ledger-unavailable`.
  package func claim(_ intent: LedgerIntent, again: Bool) throws(PipelineError) -> LedgerClaim {
    let id = try write("claim") { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM run WHERE intentKey = ? ORDER BY draw DESC LIMIT 1", arguments: [intent.key])
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

  /// Takes up a run.
  ///
  /// - Throws: A ``PipelineError``: `run-in-progress` when somebody else is at work on it, or `ledger-unavailable`.
  package func claim(_ id: Int64) throws(PipelineError) -> LedgerClaim {
    guard let lock = try LedgerLock(path: "\(path)-locks/\(id)") else {
      throw PipelineError(
        .runInProgress, stage: "submit", "another process is at work on this order (run \(id))",
        remedy: "wait until it ends", runID: id)
    }
    return LedgerClaim(entry: try entry(run: id), lock: lock)
  }

  /// The right to upload these bytes; nil when somebody else is at it.
  package func lockUpload(of sha256: String, baseURL: String, account: String) throws(PipelineError) -> LedgerLock? {
    let name = ContentDigest.sha256(of: [UInt8]("\(sha256) \(account) \(baseURL)".utf8))
    return try LedgerLock(path: "\(path)-locks/upload-\(name)")
  }

  private static func insert(_ intent: LedgerIntent, draw: Int, in database: Database) throws -> Int64 {
    try database.execute(
      sql: """
        INSERT INTO run (createdAt, updatedAt, state, intentKey, account, draw, baseURL, projectID, source, sourceSHA256,
          secondSHA256, preparedSHA256, preparedPath, geometry, model, prompt, parameters, seed, folder, nameTemplate, stem)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        now, now, LedgerEntry.State.planned.rawValue, intent.key, intent.account, draw, intent.baseURL,
        intent.projectID, intent.source, intent.sourceSHA256, intent.secondSHA256, intent.preparedSHA256,
        intent.preparedPath, intent.geometry, intent.model, intent.prompt, intent.parameters, intent.seed,
        intent.folder, intent.nameTemplate, intent.stem,
      ])
    return database.lastInsertedRowID
  }

  /// The order was given again: what it calls its source and where it wants its results counts from now on.
  package func recordRepeat(_ id: Int64, of intent: LedgerIntent) throws(PipelineError) {
    try write("repeat") { database in
      try database.execute(
        sql: """
          UPDATE run SET source = ?, secondSHA256 = ?, folder = ?, nameTemplate = ?, stem = ?, updatedAt = ? WHERE id = ?
          """,
        arguments: [
          intent.source, intent.secondSHA256, intent.folder, intent.nameTemplate, intent.stem, Self.now, id,
        ])
    }
  }

  /// The prepared image is on disk, and everything that is going to be sent is known.
  package func recordPrepared(
    _ id: Int64, sha256: String?, path: String?, geometry: String?, parameters: String
  ) throws(PipelineError) {
    try update(
      id, to: .prepared, "preparedSHA256 = ?, preparedPath = ?, geometry = ?, parameters = ?",
      [sha256, path, geometry, parameters])
  }

  /// The service has the image, and the one that belongs to it.
  package func recordUpload(_ id: Int64, asset: AssetID, parameters: String) throws(PipelineError) {
    try update(id, to: .uploaded, "assetID = ?, parameters = ?", [asset.rawValue, parameters])
  }

  /// The service has these bytes, for whoever needs them next.
  package func recordUpload(
    of sha256: String, baseURL: String, account: String, asset: AssetID
  ) throws(PipelineError) {
    try write("stored") { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO upload (baseURL, account, sha256, assetID, createdAt) VALUES (?, ?, ?, ?, ?)",
        arguments: [baseURL, account, sha256, asset.rawValue, Self.now])
      try database.execute(
        sql: "DELETE FROM partialUpload WHERE baseURL = ? AND account = ? AND sha256 = ?",
        arguments: [baseURL, account, sha256])
    }
  }

  /// The service has these parts of an upload.
  package func recordPartialUpload(
    of sha256: String, baseURL: String, account: String, _ partial: PartialUpload
  ) throws(PipelineError) {
    try write("part") { database in
      try database.execute(
        sql:
          "INSERT OR REPLACE INTO partialUpload (baseURL, account, sha256, progress, updatedAt) VALUES (?, ?, ?, ?, ?)",
        arguments: [baseURL, account, sha256, try JSONEncoder().encode(partial), Self.now])
    }
  }

  /// The submit is about to leave.
  package func recordSubmitting(_ id: Int64) throws(PipelineError) {
    try write("submitting") { database in
      try database.execute(
        sql: "UPDATE run SET state = ?, updatedAt = ?, submittedAt = ? WHERE id = ?",
        arguments: [LedgerEntry.State.submitting.rawValue, Self.now, Date.now.timeIntervalSince1970, id])
    }
  }

  /// The service accepted the job, or the job turned out to be this run's.
  package func recordSubmission(_ id: Int64, job: JobID, cost: String?) throws(PipelineError) {
    try update(id, to: .submitted, "jobID = ?, cost = ?, failure = NULL", [job.rawValue, cost])
  }

  /// Nobody can tell which job the submit became, if any.
  package func recordNeedsDecision(_ id: Int64, reason: String) throws(PipelineError) {
    try update(id, to: .needsDecision, "failure = ?", [reason])
  }

  /// Whoever decided knows that the submit started no job.
  package func recordNotSubmitted(_ id: Int64) throws(PipelineError) {
    try update(id, to: .uploaded, "failure = NULL")
  }

  /// The job ended well.
  package func recordSuccess(_ id: Int64) throws(PipelineError) { try update(id, to: .succeeded) }

  /// It ended without results; `reason` is one line for people.
  package func recordFailure(_ id: Int64, reason: String) throws(PipelineError) {
    try update(id, to: .failed, "failure = ?", [reason])
  }

  /// One result is on disk.
  package func recordResult(_ id: Int64, _ result: LedgerResult) throws(PipelineError) {
    try write("result") { database in
      try database.execute(
        sql: """
          INSERT OR REPLACE INTO result (run, position, assetID, path, sha256, number, recordSHA256)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          id, result.index, result.assetID.rawValue, result.path, result.sha256, result.number, result.recordSHA256,
        ])
    }
  }

  /// All results are on disk.
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
        .unknownJob, stage: "wait", "the ledger knows no job \(job)", remedy: "look at the known ones first", jobID: job
      )
    }
    return entry
  }

  /// The run of that number.
  ///
  /// - Throws: A ``PipelineError`` with the code `unknown-job` when there is none.
  public func entry(run: Int64) throws(PipelineError) -> LedgerEntry {
    guard let entry = try entries("WHERE id = ?", [run]).first else {
      throw PipelineError(
        .unknownJob, stage: "wait", "the ledger knows no run \(run)", remedy: "look at the known ones first")
    }
    return entry
  }

  /// Results that were put at an absolute path, whether or not they are still there.
  package func results(at path: String) throws(PipelineError) -> [LedgerResult] {
    try read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM result WHERE path = ?", arguments: [path]).map(LedgerResult.init)
    }
  }

  /// True when these are the bytes of an order's source, mask or control image; with `prepared` also when they are what
  /// was prepared of a source.
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

  /// The asset that the service made of these bytes before.
  package func upload(of sha256: String, baseURL: String, account: String) throws(PipelineError) -> AssetID? {
    try read { database in
      try String.fetchOne(
        database, sql: "SELECT assetID FROM upload WHERE baseURL = ? AND account = ? AND sha256 = ?",
        arguments: [baseURL, account, sha256]
      ).map(AssetID.init(rawValue:))
    }
  }

  /// How far an upload of these bytes came that was not finished.
  package func partialUpload(
    of sha256: String, baseURL: String, account: String
  ) throws(PipelineError) -> PartialUpload? {
    try read { database in
      let progress = try Data.fetchOne(
        database, sql: "SELECT progress FROM partialUpload WHERE baseURL = ? AND account = ? AND sha256 = ?",
        arguments: [baseURL, account, sha256])
      // What another version wrote some other way is of no use; the upload begins again.
      return progress.flatMap { try? JSONDecoder().decode(PartialUpload.self, from: $0) }
    }
  }

  /// The jobs of that address which belong to a run.
  package func claimedJobs(baseURL: String) throws(PipelineError) -> Set<JobID> {
    try read { database in
      Set(
        try String.fetchAll(
          database, sql: "SELECT jobID FROM run WHERE baseURL = ? AND jobID IS NOT NULL", arguments: [baseURL]
        ).map(JobID.init(rawValue:)))
    }
  }

  /// True when another draw of the same order may have a job that nobody knows.
  package func hasRival(_ entry: LedgerEntry) throws(PipelineError) -> Bool {
    try read { database in
      try Bool.fetchOne(
        database,
        sql: """
          SELECT EXISTS (SELECT 1 FROM run WHERE intentKey = ? AND id <> ? AND state IN ('submitting', 'needs-decision'))
          """, arguments: [entry.intent.key, entry.id]) ?? false
    }
  }

  private func read<Result>(_ body: (Database) throws -> Result) throws(PipelineError) -> Result {
    do {
      return try database.read(body)
    } catch {
      throw Self.unavailable(path, error)
    }
  }

  /// Asks SQLite whether the file is sound.
  ///
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable` that says what SQLite found.
  public func check() throws(PipelineError) {
    let findings = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
    guard findings == ["ok"] else {
      throw PipelineError(
        .ledgerUnavailable, stage: "write", "the ledger \(path) is damaged (\(findings.first ?? "no answer"))",
        remedy: "keep the file for its job ids, and set GESSO_LEDGER to a new one")
    }
  }

  /// What SQLite says of its journal mode, and how it syncs: 2 is `FULL`, at every commit.
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
        try LedgerEntry(row, results: try Self.results(of: row["id"], in: database))
      }
    }
  }

  private static func results(of run: Int64, in database: Database) throws -> [LedgerResult] {
    try Row.fetchAll(database, sql: "SELECT * FROM result WHERE run = ? ORDER BY position", arguments: [run])
      .map(LedgerResult.init)
  }

  private func update(
    _ id: Int64, to state: LedgerEntry.State, _ assignments: String = "", _ values: [String?] = []
  ) throws(PipelineError) {
    try write(state.rawValue) { database in
      try database.execute(
        sql: "UPDATE run SET state = ?, updatedAt = ?\(assignments.isEmpty ? "" : ", " + assignments) WHERE id = ?",
        arguments: StatementArguments([state.rawValue, Self.now] + values) + [id])
    }
  }

  private func write<Result>(
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

  private static var now: String { Date.now.formatted(.iso8601) }

  private static func unavailable(_ path: String, _ error: any Error) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: "write", "the ledger \(path) cannot be used (\(error))",
      remedy: "check the file and its folder, or set GESSO_LEDGER to another file")
  }
}

extension LedgerResult {
  fileprivate init(_ row: Row) {
    self.init(
      index: row["position"], assetID: AssetID(rawValue: row["assetID"]), path: row["path"], sha256: row["sha256"],
      number: row["number"], recordSHA256: row["recordSHA256"])
  }
}

extension LedgerEntry {
  fileprivate init(_ row: Row, results: [LedgerResult]) throws {
    guard let state = State(rawValue: row["state"]) else {
      throw DatabaseError(message: "run \(row["id"] as Int64) is in the unknown state \(row["state"] as String)")
    }
    self.init(
      id: row["id"], draw: row["draw"], createdAt: row["createdAt"], state: state,
      intent: LedgerIntent(
        key: row["intentKey"] ?? "", account: row["account"], baseURL: row["baseURL"], projectID: row["projectID"],
        source: row["source"], sourceSHA256: row["sourceSHA256"],
        secondSHA256: row["secondSHA256"], preparedSHA256: row["preparedSHA256"], preparedPath: row["preparedPath"],
        geometry: row["geometry"],
        model: row["model"], prompt: row["prompt"], parameters: row["parameters"], seed: row["seed"],
        folder: row["folder"],
        nameTemplate: row["nameTemplate"], stem: row["stem"]),
      assetID: (row["assetID"] as String?).map(AssetID.init(rawValue:)),
      jobID: (row["jobID"] as String?).map(JobID.init(rawValue:)), submittedAt: row["submittedAt"], cost: row["cost"],
      failure: row["failure"],
      results: results)
  }
}
#endif
