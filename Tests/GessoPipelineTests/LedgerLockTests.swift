import Foundation
import GessoPipeline
import Ground
import TestSupport
import Testing

@Suite("Locks of the ledger")
struct LedgerLockTests {
  let folder: String

  init() throws {
    folder = TestFolder.url.appending(path: "gesso-locks-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  // MARK: The folder

  /// A lock on the folder, as another process holds it while it opens a ledger.
  private func lockFolder() throws -> Int32 {
    let descriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    return descriptor
  }

  @Test("a folder that stays locked is waited for 30 seconds, and then refused by name, with a remedy")
  func stuck() throws {
    let holder = try lockFolder()
    defer { close(holder) }
    let path = folder + "/ledger.sqlite"
    var waited = Duration.zero
    let error = #expect(throws: PipelineError.self) {
      try Ledger(path: path, onCommit: nil, pause: { waited += $0 })
    }
    #expect(waited == .seconds(30))
    #expect(error?.code == .ledgerUnavailable && error?.stage == .write)
    #expect(
      error?.message
        == "the ledger \(path) cannot be opened: another process has locked its folder \(folder) for 30 seconds")
    #expect(error?.remedy == .either("end that process (fuser \(folder) finds it)", or: .useLedger(.another)))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty, "nothing is made meanwhile")
  }

  @Test("a folder that is locked for a moment is waited for, and one that is free is not")
  func moment() throws {
    let holder = try lockFolder()
    var pauses = 0
    _ = try Ledger(
      path: folder + "/ledger.sqlite", onCommit: nil,
      pause: { _ in
        pauses += 1
        if pauses == 3 { close(holder) }
      })
    #expect(pauses == 3)
    _ = try Ledger(path: folder + "/ledger.sqlite", onCommit: nil, pause: { _ in pauses += 1 })
    #expect(pauses == 3)
  }

  // MARK: A run

  private var path: String { folder + "/1" }

  @Test("a run has one holder, and its lock is free once the holder has ended")
  func holder() throws {
    var lock = try LedgerLock(path: path)
    #expect(try lock != nil && LedgerLock(path: path) == nil)
    lock = nil
    #expect(try LedgerLock(path: path) != nil)
  }

  /// The test removes the name of the file after it has read the file's identity, so the open file has 0 links. The identity that the test
  /// returns still matches, as on a file system that reports 0 links for every file.
  @Test("the identity of the file decides where a file system reports 0 links")
  func noLinks() throws {
    let lock = try LedgerLock(path: path) { path in
      let identity = FileIdentity(path)
      try? FileManager.default.removeItem(atPath: path)
      return identity
    }
    #expect(lock != nil)
  }

  @Test("a file that its last holder has just removed is made again, and then excludes others")
  func removed() throws {
    var looks = 0
    let lock = try LedgerLock(path: path) { path in
      looks += 1
      if looks < 3 { try? FileManager.default.removeItem(atPath: path) }
      return FileIdentity(path)
    }
    #expect(lock != nil && looks == 3)
    #expect(try LedgerLock(path: path) == nil)
    withExtendedLifetime(lock) {}
  }

  @Test("a path that never leads to the file that was locked is refused by name, after an end")
  func neverTheSame() {
    var looks = 0
    let error = #expect(throws: PipelineError.self) {
      try LedgerLock(path: path) { _ in
        looks += 1
        return nil
      }
    }
    #expect(looks == 1_000 && error?.code == .ledgerUnavailable)
    #expect(error?.message.hasPrefix("cannot lock \(path): ") == true && error?.remedy.description.isEmpty == false)
  }
}
