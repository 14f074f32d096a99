#if Client
import Foundation
import GessoPipeline
import ScenarioAPI
import Testing

@Suite("Ledger")
struct LedgerTests {
  let path = FileManager.default.temporaryDirectory.appending(path: "gesso-ledger-\(UUID().uuidString)/l.sqlite").path

  static let intent = LedgerIntent(
    baseURL: "https://example.com/v1", projectID: "proj_1", source: "forest.jpg", sourceSHA256: "aa",
    preparedSHA256: "bb",
    preparedPath: "/out/forest.prepared.jpg", geometry: "{}", model: "flux.1-dev", prompt: "a 'forest'",
    parameters: "{\"strength\":0.5}", seed: "7", folder: "/out", nameTemplate: "{stem}-{index}", stem: "forest")

  @Test("what was written is read by whoever opens the file next")
  func persists() throws {
    let ledger = try Ledger(path: path)
    let run = try ledger.begin(Self.intent)
    #expect(try Ledger(path: path).entries().map(\.state) == [.prepared])
    try ledger.recordUpload(run, asset: AssetID(rawValue: "asset_1"))
    #expect(try Ledger(path: path).entries().map(\.state) == [.uploaded])
    try ledger.recordSubmitting(run)
    #expect(try Ledger(path: path).entries().map(\.state) == [.submitting])
    try ledger.recordSubmission(run, job: JobID(rawValue: "job_1"), cost: "10.5")
    try ledger.recordSuccess(run)
    let result = LedgerResult(index: 1, assetID: AssetID(rawValue: "asset_2"), path: "/out/forest-1.png", sha256: "cc")
    try ledger.recordResult(run, result)
    try ledger.recordResult(run, result)  // A download that was repeated.
    try ledger.recordDownloads(run)

    let entry = try Ledger(path: path).entry(job: JobID(rawValue: "job_1"))
    #expect(entry.state == .downloaded)
    #expect(entry.intent == Self.intent)
    #expect(entry.assetID?.rawValue == "asset_1")
    #expect(entry.cost == "10.5")
    #expect(entry.results == [result])
    #expect(entry.failure == nil)
  }

  @Test("newest first, and no more than asked for")
  func lists() throws {
    let ledger = try Ledger(path: path)
    let runs = try (1...5).map { _ in try ledger.begin(Self.intent) }
    #expect(try ledger.entries(limit: 3).map(\.id) == Array(runs.reversed().prefix(3)))
  }

  @Test("the file and its journal are closed to others, and synced at every commit")
  func isPrivate() throws {
    let ledger = try Ledger(path: path)
    _ = try ledger.begin(Self.intent)
    for name in [path, path + "-wal"] {
      let mode = try FileManager.default.attributesOfItem(atPath: name)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(name)")
    }
    let durability = try ledger.durability()
    #expect(durability.journalMode == "wal" && durability.synchronous == 2)
    let folder = URL(filePath: path).deletingLastPathComponent().path
    #expect(try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int == 0o700)
  }

  @Test("several writers at once lose nothing")
  func sharesFile() async throws {
    let path = path
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let ledger = try Ledger(path: path)
          for _ in 0..<10 { _ = try ledger.begin(Self.intent) }
        }
      }
      try await group.waitForAll()
    }
    #expect(try Ledger(path: path).entries().count == 40)
    try Ledger(path: path).check()
  }

  @Test("an unknown job is named")
  func unknown() throws {
    let ledger = try Ledger(path: path)
    #expect { try ledger.entry(job: JobID(rawValue: "job_9")) } throws: {
      ($0 as? PipelineError)?.code == .unknownJob && "\($0)".contains("job_9")
    }
  }

  @Test("what is no ledger is refused", arguments: ["text", "folder"])
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
#endif
