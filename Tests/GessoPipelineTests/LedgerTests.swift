import Digests
import Foundation
import GRDB
import GessoPipeline
import Ground
import ScenarioAPI
import TestSupport
import Testing

@Suite("Ledger")
struct LedgerTests {
  let path = TestFolder.url.appending(path: "gesso-ledger-\(UUID().uuidString)/l.sqlite").path

  static let intent = intent(key: "k")
  static func intent(key: String) -> LedgerIntent {
    LedgerIntent(
      key: key, account: "proj_1", baseURL: "https://example.com/v1", projectID: "proj_1", source: "forest.jpg",
      sourceSHA256: "aa",
      preparedSHA256: "bb",
      preparedPath: "/out/forest.prepared.jpg", geometry: "{}", model: "flux.1-dev", prompt: "a 'forest'",
      parameters: "{\"strength\":0.5}", seed: "7", folder: "/out", nameTemplate: "{stem}-{index}", stem: "forest")
  }

  private static let submit = Ledger.Submit(account: "proj_1", model: "flux.1-dev", parameters: "{}")

  @Test("the next opener of the file reads everything that was written")
  func persists() throws {
    let ledger = try Ledger(path: path)
    let run = try ledger.claim(Self.intent, again: false).entry.id
    var states: [LedgerEntry.State] = []
    func look() throws { states += try Ledger(path: path).entries().map(\.state) }
    try look()
    try ledger.recordPrepared(run, sha256: "bb", path: "/out/forest.prepared.jpg", geometry: "{}", parameters: "{}")
    try look()
    try ledger.recordUpload(run, asset: AssetID(rawValue: "asset_1"), parameters: "{}")
    try look()
    try ledger.recordSubmitting(run, Self.submit)
    try look()
    try ledger.recordSubmission(run, job: JobID(rawValue: "job_1"), cost: "10.5")
    try look()
    #expect(states == [.planned, .prepared, .uploaded, .submitting, .submitted])
    try ledger.recordSuccess(run)
    let result = LedgerResult(index: 1, assetID: AssetID(rawValue: "asset_2"), path: "/out/forest-1.png", sha256: "cc")
    try ledger.recordResult(run, result)
    try ledger.recordResult(run, result)  // A repeated download records its result again.
    try ledger.recordDownloads(run)

    let entry = try Ledger(path: path).entry(job: JobID(rawValue: "job_1"))
    #expect(entry.state == .downloaded)
    var intent = Self.intent
    intent.parameters = "{}"
    #expect(entry.intent == intent)
    #expect(entry.assetID?.rawValue == "asset_1")
    #expect(entry.cost == "10.5")
    #expect(entry.results == [result])
    #expect(entry.failure == nil)
  }

  /// SQLite stores values of any type in any column, whatever type the column was declared with.
  @Test(
    "a value of another type than its column's is one error that names the ledger and the column",
    arguments: [
      ("run", "attempt", "'many'"), ("run", "state", "x'00FF'"), ("run", "state", "'elsewhere'"),
      ("run", "named", "x'FF'"), ("run", "dryRunAt", "'noon'"), ("run", "wasDryRun", "'perhaps'"),
      ("run", "cost", "x'C3'"), ("run", "createdAt", "x'FF'"), ("batchRow", "position", "'first'"),
      ("batchRow", "times", "'[[[['"), ("batchRow", "run", "'none'"), ("batchRow", "failure", "x'FF'"),
      ("result", "number", "'one'"),
    ])
  func unfitValues(table: String, column: String, value: String) throws {
    let ledger = try Ledger(path: path)
    let batch = try ledger.beginBatch(named: "b", input: "-", folder: "/out", command: "gesso", rowCount: 1)
    let place = LedgerBatchPlace(batch: batch.id, row: LedgerBatchRow(position: 1, key: "r", input: "a.jpg"))
    let run = try ledger.claim(Self.intent, again: false, for: place).entry.id
    try ledger.recordResult(
      run, LedgerResult(index: 1, assetID: AssetID(rawValue: "asset_2"), path: "/out/1.png", sha256: "cc"))
    _ = try (ledger.entries(), ledger.rows(of: batch))
    try DatabaseQueue(path: path).writeWithoutTransaction {
      try $0.execute(sql: "PRAGMA foreign_keys = OFF; UPDATE \(table) SET \(column) = \(value)")
    }
    let error = #expect(throws: PipelineError.self) {
      _ = try (ledger.entries(), ledger.rows(of: batch))
    }
    #expect(error?.code == .ledgerUnavailable && error?.message.contains(path) == true, "\(String(describing: error))")
  }

  @Test("entries come newest first, up to the limit")
  func lists() throws {
    let ledger = try Ledger(path: path)
    let runs = try (1...5).map { try ledger.claim(Self.intent(key: "\($0)"), again: false).entry.id }
    #expect(try ledger.entries(limit: 3).map(\.id) == Array(runs.reversed().prefix(3)))
  }

  @Test("the file and its journal are closed to others, and synced at every commit")
  func isPrivate() throws {
    let ledger = try Ledger(path: path)
    _ = try ledger.claim(Self.intent, again: false)
    for name in [path, path + "-wal"] {
      let mode = try FileManager.default.attributesOfItem(atPath: name)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(name)")
    }
    let durability = try ledger.durability()
    #expect(durability.journalMode == "wal" && durability.synchronous == 2)
    let folder = URL(filePath: path).deletingLastPathComponent().path
    #expect(try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int == 0o700)
  }

  @Test("several concurrent writers lose nothing")
  func sharesFile() async throws {
    let path = path
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          let ledger = try Ledger(path: path)
          for order in 0..<10 { _ = try ledger.claim(Self.intent(key: "\(writer) \(order)"), again: false) }
        }
      }
      try await group.waitForAll()
    }
    #expect(try Ledger(path: path).entries().count == 40)
    try Ledger(path: path).check()
  }

  @Test("the same order is one run, which one process at a time may claim")
  func claims() throws {
    let ledger = try Ledger(path: path)
    let claim = try ledger.claim(Self.intent, again: false)
    for other in [ledger, try Ledger(path: path)] {
      #expect { try other.claim(Self.intent, again: true) } throws: {
        ($0 as? PipelineError)?.code == .runInProgress && ($0 as? PipelineError)?.runID == claim.entry.id
      }
    }
    #expect(try ledger.entries().count == 1)
  }

  @Test("a lock whose holder has ended blocks nobody")
  func locks() throws {
    var claim: LedgerClaim? = try Ledger(path: path).claim(Self.intent, again: false)
    let id = try #require(claim?.entry.id)
    claim = nil
    // A process that is killed leaves this lock file.
    try Data().write(to: URL(filePath: "\(path)-locks/\(id)"))
    #expect(try Ledger(path: path).claim(Self.intent, again: false).entry.id == id)
  }

  @Test(
    "a known order continues from its state",
    arguments: [
      // The run's progress, whether the order asks for a new attempt, and the number and the state of the attempt that is claimed.
      (["prepared"], false, 0, LedgerEntry.State.prepared), (["uploaded"], true, 0, .uploaded),
      (["submitting"], true, 0, .submitting), (["submitted"], true, 0, .submitted),
      (["downloaded"], false, 0, .downloaded), (["downloaded"], true, 1, .planned),
      (["failed"], false, 0, .planned), (["prepared", "failed"], false, 0, .prepared),
      (["prepared", "uploaded", "failed"], false, 0, .uploaded), (["submitted", "failed"], false, 1, .planned),
      (["needs-decision"], true, 0, .needsDecision), (["submitted", "succeeded"], true, 0, .succeeded),
      (["submitted", "gone"], false, 0, .succeeded), (["submitted", "gone"], true, 1, .planned),
      // The run was dropped. The ledger still shows that its submit may have started a job.
      (["submitting", "failed"], false, 1, .planned), (["submitting", "needs-decision", "failed"], true, 1, .planned),
    ])
  func takesUp(steps: [String], again: Bool, attempt: Int, state: LedgerEntry.State) throws {
    let ledger = try Ledger(path: path)
    var first = Self.intent
    first.preparedSHA256 = nil
    let run = try ledger.claim(first, again: false).entry.id
    for step in steps {
      let isGone = step == "gone"
      switch LedgerEntry.State(rawValue: isGone ? "succeeded" : step) {
      case .prepared: try ledger.recordPrepared(run, sha256: "aa", path: "/p", geometry: nil, parameters: "{}")
      case .uploaded: try ledger.recordUpload(run, asset: AssetID(rawValue: "asset_1"), parameters: "{}")
      case .submitting: try ledger.recordSubmitting(run, Self.submit)
      case .submitted: try ledger.recordSubmission(run, job: JobID(rawValue: "job_1"), cost: nil)
      case .downloaded: try ledger.recordDownloads(run)
      case .succeeded: try ledger.recordSuccess(run, failure: isGone ? "its results are gone" : nil)
      case .failed: try ledger.recordFailure(run, reason: "no luck")
      case .needsDecision: try ledger.recordNeedsDecision(run, reason: "who knows", candidates: ["job_1"])
      default: Issue.record("no such step")
      }
    }
    var intent = Self.intent
    intent.seed = "8"
    let entry = try ledger.claim(intent, again: again).entry
    #expect(entry.attempt == attempt && entry.state == state)
    #expect(entry.intent.seed == (attempt == 0 ? "7" : "8"), "the seed on record counts")
  }

  @Test("two runs cannot have the same job")
  func oneOwner() throws {
    let ledger = try Ledger(path: path)
    let runs = try ["a", "b"].map { try ledger.claim(Self.intent(key: $0), again: false).entry.id }
    try ledger.recordSubmission(runs[0], job: JobID(rawValue: "job_1"), cost: nil)
    #expect(throws: PipelineError.self) {
      try ledger.recordSubmission(runs[1], job: JobID(rawValue: "job_1"), cost: nil)
    }
  }

  /// Tables of the last version before the first release, with one open run.
  private static let unreleased = """
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
    INSERT INTO grdb_migrations VALUES ('runs and results'), ('orders, submits and uploads'), ('uploads in parts');
    CREATE TABLE run (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, state TEXT NOT NULL, baseURL TEXT NOT NULL, projectID TEXT,
      source TEXT NOT NULL, sourceSHA256 TEXT, preparedSHA256 TEXT, preparedPath TEXT, geometry TEXT,
      model TEXT NOT NULL, prompt TEXT NOT NULL, parameters TEXT NOT NULL, seed TEXT NOT NULL,
      folder TEXT NOT NULL, nameTemplate TEXT NOT NULL, stem TEXT NOT NULL,
      assetID TEXT, jobID TEXT, cost TEXT, failure TEXT,
      intentKey TEXT, account TEXT NOT NULL DEFAULT '', draw INTEGER NOT NULL DEFAULT 0, submittedAt REAL);
    CREATE UNIQUE INDEX run_order ON run (intentKey, draw);
    CREATE UNIQUE INDEX run_job ON run (jobID, baseURL);
    CREATE TABLE result (
      run INTEGER NOT NULL REFERENCES run (id), position INTEGER NOT NULL,
      assetID TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL,
      PRIMARY KEY (run, position)) WITHOUT ROWID;
    CREATE TABLE upload (
      baseURL TEXT NOT NULL, account TEXT NOT NULL, sha256 TEXT NOT NULL, assetID TEXT NOT NULL,
      createdAt TEXT NOT NULL, PRIMARY KEY (baseURL, account, sha256)) WITHOUT ROWID;
    CREATE TABLE partialUpload (
      baseURL TEXT NOT NULL, account TEXT NOT NULL, sha256 TEXT NOT NULL, progress TEXT NOT NULL,
      updatedAt TEXT NOT NULL, PRIMARY KEY (baseURL, account, sha256)) WITHOUT ROWID;
    INSERT INTO run (createdAt, updatedAt, state, baseURL, source, model, prompt, parameters, seed, folder,
      nameTemplate, stem, jobID, intentKey)
    VALUES ('2026-10-01T00:00:00Z', '2026-10-01T00:00:00Z', 'submitted', 'https://example.com/v1', 'a.jpg',
      'flux.1-dev', 'p', '{}', '7', '/out', '{stem}', 'a', 'job_old', 'k');
    """

  /// Once the tables were changed without a new version. An older ledger was then opened, and failed after a job had been paid for.
  @Test("tables that change have another version")
  func versionOfTables() {
    let digests = [7: "ad1c087cd7541ee3c75c49f9a8f90a88c6d70b4df42dd7f0ddd49457ad95a8f8"]
    #expect(
      digests[Ledger.version] == ContentDigest.sha256(of: [UInt8](Ledger.tables.utf8)),
      "raise Ledger.version, and give the digest of its tables here")
  }

  @Test(
    "a ledger of another version is refused by name, and not a byte of it changes",
    arguments: [
      (Self.unreleased, "is of an unreleased version of gesso", "finish its open runs with the build that made it"),
      (
        "PRAGMA application_id = 0x47455353; PRAGMA user_version = 1; CREATE TABLE run (id INTEGER PRIMARY KEY)",
        "is of version 1, and this gesso reads version \(Ledger.version)",
        "finish its open runs with the gesso that made it"
      ),
      (
        "PRAGMA application_id = 0x47455353; PRAGMA user_version = 9; CREATE TABLE run (id INTEGER PRIMARY KEY)",
        "is of version 9, and this gesso reads version \(Ledger.version)",
        "finish its open runs with the gesso that made it"
      ),
      ("CREATE TABLE photo (id INTEGER PRIMARY KEY)", "is a database of another program", "at another path"),
    ], [true, false])
  func refusesOtherVersions(schema: (sql: String, message: String, remedy: String), isKilled: Bool) throws {
    let made = path + "-made"
    try FileManager.default.createDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    var configuration = Configuration()
    configuration.journalMode = .wal
    let database = try DatabaseQueue(path: made, configuration: configuration)
    try database.writeWithoutTransaction { try $0.execute(sql: schema.sql) }
    // If the process was killed, the files are copied before the database is closed: the last commits are then only in the journal.
    defer { try? database.close() }
    if !isKilled { try database.close() }
    let files = isKilled ? ["", "-wal"] : [""]
    for file in files { try FileManager.default.copyItem(atPath: made + file, toPath: path + file) }
    func bytes() throws -> [Data] { try files.map { try Data(contentsOf: URL(filePath: path + $0)) } }
    let before = try bytes()

    for _ in 0..<2 {
      let error = #expect(throws: PipelineError.self) { try Ledger(path: path) }
      #expect(error?.code == .ledgerUnavailable)
      #expect(error?.message.contains("\(path) \(schema.message)") == true, "\(error?.message ?? "")")
      #expect(error?.remedy.description.contains(schema.remedy) == true, "\(error?.remedy ?? "")")
    }
    #expect(try bytes() == before)
    #expect(!FileManager.default.fileExists(atPath: path + "-locks"))
  }

  @Test("a file whose process was killed while it made the tables is made again")
  func madeAnew() throws {
    let folder = URL(filePath: path).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let made = path + "-made"
    let database = try DatabaseQueue(path: made)
    // With such a small cache, SQLite writes pages to the file before the commit. The journal can undo these writes.
    try database.inDatabase { database in
      try database.execute(sql: "PRAGMA cache_size = 1; BEGIN; CREATE TABLE run (id INTEGER PRIMARY KEY, text TEXT)")
      for _ in 0..<100 { try database.execute(sql: "INSERT INTO run (text) VALUES (hex(randomblob(2000)))") }
      for file in ["", "-journal"] { try FileManager.default.copyItem(atPath: made + file, toPath: path + file) }
      try database.execute(sql: "ROLLBACK")
    }
    #expect(try Data(contentsOf: URL(filePath: path)).count > 0)
    #expect(try Ledger(path: path).claim(Self.intent, again: false).entry.id == 1)
    try Ledger(path: path).check()
  }

  @Test("the error for an unknown job names it")
  func unknown() throws {
    let ledger = try Ledger(path: path)
    #expect { try ledger.entry(job: JobID(rawValue: "job_9")) } throws: {
      ($0 as? PipelineError)?.code == .unknownJob && "\($0)".contains("job_9")
    }
  }

  @Test("a ledger on a network file system is refused, where locks may not hold", arguments: ["nfs4", "fuse.sshfs"])
  func network(type: String) throws {
    let path = path + "-network/ledger.sqlite"
    #expect {
      try Ledger(path: path, onCommit: nil) { _ in FileSystem(typeName: type) }
    } throws: { error in
      let error = error as? PipelineError
      return error?.code == .ledgerUnavailable && error?.remedy == .useLedger(.onThisMachine)
        && error?.message.contains("is on a network file system (\(type))") == true
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    _ = try Ledger(path: path, onCommit: nil) { _ in FileSystem(typeName: "ext4") }
  }

  /// Opens a ledger for this process only, as on a network file system.
  private func alone(_ path: String) throws -> Ledger {
    try Ledger(path: path, allowingNetwork: true, onCommit: nil) { _ in FileSystem(typeName: "nfs4") }
  }

  @Test("on a network file system one process may have a ledger: without WAL, under a lock, with every run held once")
  func alone() throws {
    let path = path + "-network/ledger.sqlite"
    var ledger: Ledger? = try alone(path)
    #expect(try ledger?.durability().journalMode == "delete")
    #expect(try ledger?.durability().synchronous == 2)
    var claim = try ledger?.claim(Self.intent, again: false)
    #expect(claim?.entry.id == 1)
    #expect { try ledger?.claim(Self.intent, again: false) } throws: { ($0 as? PipelineError)?.code == .runInProgress }
    // There are no files of the WAL, and only one lock file.
    let names = try FileManager.default.contentsOfDirectory(atPath: path.replacing("/ledger.sqlite", with: ""))
    #expect(Set(names) == ["ledger.sqlite", "ledger.sqlite-journal", "ledger.sqlite.lock"])
    #expect { try alone(path) } throws: { error in
      let error = error as? PipelineError
      return error?.code == .ledgerUnavailable
        && error?.message == "another process has the ledger \(path), and on a network file system (nfs4) only one may"
    }
    // SQLite's own lock stops another program that does not know our lock file.
    #expect(throws: DatabaseError.self) {
      try DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
    }
    claim = nil
    claim = try ledger?.claim(Self.intent, again: false)
    #expect(claim?.entry.id == 1)
    (claim, ledger) = (nil, nil)
    let next = try alone(path)
    #expect(try next.claim(Self.intent, again: false).entry.id == 1)
    try next.check()
  }

  @Test("SQLite's own lock counts as well, and a ledger with a WAL is taken from a local disk")
  func aloneAfterShared() throws {
    let path = path + "-moved/ledger.sqlite"
    var shared: Ledger? = try Ledger(path: path)
    let run = try shared?.claim(Self.intent, again: false).entry.id
    #expect(try shared?.durability().journalMode == "wal")
    #expect { try alone(path) } throws: { ($0 as? PipelineError)?.message.hasPrefix("another process has") == true }
    shared = nil
    let moved = try alone(path)
    #expect(try moved.durability().journalMode == "delete")
    #expect(try moved.claim(Self.intent, again: false).entry.id == run)
  }

  @Test("a ledger in a folder that cannot be made is refused in one line, in the system's words")
  func noFolder() throws {
    let folder = TestFolder.url.path
    try Data().write(to: URL(filePath: folder + "/file"))
    #expect {
      try Ledger(path: folder + "/file/deeper/ledger.sqlite")
    } throws: { error in
      let message = (error as? PipelineError)?.message ?? ""
      return message.contains("/file is a file") && !message.contains("Domain") && !message.contains("\n")
    }
  }

  @Test("a file that is not a ledger is refused", arguments: ["text", "folder"])
  func refuses(kind: String) throws {
    let folder = URL(filePath: path).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if kind == "text" {
      try Data(String(repeating: "no database ", count: 100).utf8).write(to: URL(filePath: path))
    } else {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    #expect { try Ledger(path: path) } throws: { ($0 as? PipelineError)?.code == .ledgerUnavailable }
  }
}
