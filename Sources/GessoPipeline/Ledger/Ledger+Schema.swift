internal import Foundation
internal import GRDB
internal import Ground

extension Ledger {
  /// Marks the file as a ledger (the SQLite file format, section 1.3): `GESS` in ASCII.
  private static let applicationID = 0x4745_5353
  /// The version of the tables below, and of the identity of orders (``OrderIdentity``).
  package static let version = 7

  private static let marks = "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version);"

  /// The tables. A change to them needs another ``version``, because a file is refused by its version alone. A test
  /// compares their digest.
  package static let tables = """
    CREATE TABLE run (
      id INTEGER PRIMARY KEY AUTOINCREMENT, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, state TEXT NOT NULL,
      key TEXT NOT NULL, attempt INTEGER NOT NULL, isOrdered INTEGER NOT NULL,
      account TEXT NOT NULL, baseURL TEXT NOT NULL, projectID TEXT,
      source TEXT NOT NULL, sourceSHA256 TEXT, otherSHA256 TEXT NOT NULL,
      recipeSHA256 TEXT, preparedSHA256 TEXT, preparedPath TEXT, geometry TEXT,
      model TEXT NOT NULL, prompt TEXT NOT NULL, parameters TEXT NOT NULL, seed TEXT NOT NULL,
      folder TEXT NOT NULL, nameTemplate TEXT NOT NULL, stem TEXT NOT NULL,
      assetID TEXT, dryRunAt REAL, price TEXT, submittedAt REAL, jobID TEXT, cost TEXT, wasDryRun INTEGER NOT NULL,
      named TEXT NOT NULL, failure TEXT,
      UNIQUE (key, attempt), UNIQUE (jobID, baseURL));
    CREATE INDEX run_spending ON run (account, submittedAt);
    CREATE INDEX run_prepared ON run (sourceSHA256, recipeSHA256);
    CREATE TABLE result (
      run INTEGER NOT NULL REFERENCES run (id), position INTEGER NOT NULL, assetID TEXT NOT NULL, path TEXT NOT NULL,
      sha256 TEXT NOT NULL, number INTEGER NOT NULL, recordSHA256 TEXT,
      PRIMARY KEY (run, position)) WITHOUT ROWID;
    CREATE TABLE upload (
      account TEXT NOT NULL, sha256 TEXT NOT NULL, assetID TEXT NOT NULL, createdAt TEXT NOT NULL,
      PRIMARY KEY (account, sha256)) WITHOUT ROWID;
    -- progress is JSON: the upload's id, the size of its parts and those that arrived; no addresses.
    CREATE TABLE partialUpload (
      account TEXT NOT NULL, sha256 TEXT NOT NULL, progress BLOB NOT NULL, updatedAt TEXT NOT NULL,
      PRIMARY KEY (account, sha256)) WITHOUT ROWID;
    CREATE TABLE batch (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL,
      input TEXT NOT NULL, folder TEXT NOT NULL, command TEXT NOT NULL, rowCount INTEGER NOT NULL);
    -- A row is here from the moment its order begins. failure and times are JSON.
    CREATE TABLE batchRow (
      batch INTEGER NOT NULL REFERENCES batch (id), key TEXT NOT NULL, position INTEGER NOT NULL,
      input TEXT NOT NULL, path TEXT, run INTEGER REFERENCES run (id), state TEXT NOT NULL, failure TEXT, times TEXT NOT NULL,
      PRIMARY KEY (batch, key)) WITHOUT ROWID;
    CREATE INDEX batchRow_position ON batchRow (batch, position);
    """

  /// Opens a database that processes share. A missing one is made, closed to other users.
  ///
  /// - Throws: A ``PipelineError`` for a file with other tables, which is not changed; or an error of SQLite or of the file system.
  static func openShared(_ path: String, in folder: String, pause: (Duration) -> Void) throws -> DatabaseQueue {
    // The folder is locked, so that only one process makes the tables of a new file.
    return try withLock(on: folder, of: path, pause: pause) {
      makeFile(path)
      var configuration = GRDB.Configuration()
      configuration.busyMode = .timeout(10)
      configuration.readonly = true
      do {
        // The connection is read-only: one that can write moves the journal of a killed process into the file when it closes.
        _ = try DatabaseQueue(path: path, configuration: configuration).read { try isNew($0, path) }
      } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
        // The process that made the file was killed before the file was complete. Only a connection that can write rolls these changes
        // back.
      }
      configuration.readonly = false
      configuration.journalMode = .wal
      let database = try DatabaseQueue(path: path, configuration: configuration)
      try database.writeWithoutTransaction { database in
        // This comes after opening, because GRDB sets NORMAL with WAL, which may lose the last commits in a power cut.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        if try isNew(database, path) { try makeTables(database) }
      }
      return database
    }
  }

  /// Opens a database on a network file system for this process alone. The database has a rollback journal, because WAL needs memory that
  /// all processes share. This process keeps the locks of the file system, and opening fails at once if another process has them.
  ///
  /// - Throws: The errors of ``openShared(_:in:pause:)``, and a ``PipelineError`` while another process has the ledger.
  static func openAlone(_ path: String, on type: String) throws -> (DatabaseQueue, LedgerLock) {
    let inUse = PipelineError(
      .ledgerUnavailable, stage: .write,
      "another process has the ledger \(path), and on a network file system (\(type)) only one may",
      remedy: .either("wait until it ends", or: .useLedger(.another)))
    // The lock is on another file than the database: closing any descriptor of the database would drop SQLite's own
    // locks.
    guard let lock = try LedgerLock(path: path + ".lock") else { throw inUse }
    makeFile(path)
    var configuration = GRDB.Configuration()
    configuration.busyMode = .immediateError
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration)
      try database.writeWithoutTransaction { database in
        let isNew = try isNew(database, path)
        try database.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL")
        // A transaction that writes takes SQLite's own lock, which this connection keeps from then on.
        if isNew { try makeTables(database) } else { try database.execute(sql: "BEGIN EXCLUSIVE; COMMIT") }
      }
      return (database, lock)
    } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
      throw inUse
    }
  }

  /// The refusal of a ledger on a network file system that processes would share.
  static func refusal(of path: String, on type: String) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: .write,
      "the ledger \(path) is on a network file system (\(type)), where two processes could pay for one job twice",
      remedy: .useLedger(.onThisMachine))
  }

  private static func makeFile(_ path: String) {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    // SQLite gives its journal files the permissions of the database.
    _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
  }

  private static func makeTables(_ database: Database) throws {
    try database.inTransaction {
      try database.execute(sql: marks + tables)
      return .commit
    }
  }

  /// True for a database without tables, false for one with those of this version.
  ///
  /// - Throws: A ``PipelineError`` for any other.
  private static func isNew(_ database: Database, _ path: String) throws -> Bool {
    let tables = Set(try String.fetchAll(database, sql: "SELECT name FROM sqlite_schema WHERE type = 'table'"))
    let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    if tables.isEmpty, application == 0, version == 0 { return true }
    func refusal(_ message: String, _ remedy: Remedy) -> PipelineError {
      PipelineError(.ledgerUnavailable, stage: .write, message, remedy: remedy)
    }
    guard application == applicationID else {
      throw tables.isSuperset(of: ["grdb_migrations", "run"])
        ? refusal(
          "the ledger \(path) is of an unreleased version of gesso",
          .either("finish its open runs with the build that made it", or: .useLedger(.new)))
        : refusal("\(path) is a database of another program", .useLedger(.another))
    }
    guard version == Self.version else {
      throw refusal(
        "the ledger \(path) is of version \(version), and this gesso reads version \(Self.version)",
        .either("finish its open runs with the gesso that made it", or: .useLedger(.new)))
    }
    return false
  }

  /// The longest wait for the lock of a folder, and the pause between two attempts.
  private static let (patience, interval) = (Duration.seconds(30), Duration.milliseconds(20))

  /// Runs `body` while no other process opens a ledger in `folder`. Opening takes a few milliseconds.
  ///
  /// - Throws: A ``PipelineError`` when another process holds the lock for 30 s: that process hangs, or is not `gesso`.
  private static func withLock<Value>(
    on folder: String, of path: String, pause: (Duration) -> Void, _ body: () throws -> Value
  ) throws -> Value {
    let descriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure.writing("cannot open \(folder)") }
    defer { close(descriptor) }
    var waited = Duration.zero
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw FileFailure.writing("cannot lock \(folder)") }
      guard waited < patience else {
        throw PipelineError(
          .ledgerUnavailable, stage: .write,
          "the ledger \(path) cannot be opened: another process has locked its folder \(folder) for "
            + "\(Int(patience / .seconds(1))) seconds",
          remedy: .either("end that process (fuser \(folder) finds it)", or: .useLedger(.another)))
      }
      pause(interval)
      waited += interval
    }
    return try body()
  }
}
