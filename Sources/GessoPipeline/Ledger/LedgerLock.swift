internal import Foundation
package import Ground
internal import Synchronization

/// The exclusive right to work on one run, among all tasks and processes of this machine.
///
/// It is an advisory lock (`flock`) on an empty file. The kernel releases it when its process ends, however it ends, so a dead process
/// leaves no lock behind. If one process has the ledger alone, no file is needed, and the lock is a name in memory.
package final class LedgerLock: Sendable {
  private enum Kind {
    case file(path: String, descriptor: Int32)
    case name(String, HeldNames)
  }

  private let kind: Kind

  /// The most attempts to lock the file at the path while other holders remove it.
  private static let attempts = 1_000

  /// Takes the lock; nil when another task or process holds it.
  ///
  /// `identity` finds the file that a path leads to. It alone decides whether the locked file still has its name, because some file
  /// systems report no number of links.
  ///
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable` when the file cannot be made.
  package init?(
    path: String, identity: (String) -> FileIdentity? = FileIdentity.init(_:)
  ) throws(PipelineError) {
    for _ in 0..<Self.attempts {
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw Self.failure(path, errno) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        close(descriptor)
        if code == EWOULDBLOCK { return nil }
        throw Self.failure(path, code)
      }
      // The last holder may have removed the file between the two calls; a lock on a removed file excludes no process.
      if let locked = FileIdentity(descriptor: descriptor), identity(path) == locked {
        kind = .file(path: path, descriptor: descriptor)
        return
      }
      close(descriptor)
    }
    // On this file system, a path never leads to the file that was just opened.
    throw Self.failure(path, ESTALE)
  }

  /// Takes a name; nil when another task of this process holds it.
  init?(_ name: String, among names: HeldNames) {
    guard names.take(name) else { return nil }
    kind = .name(name, names)
  }

  deinit {
    switch kind {
    case .file(let path, let descriptor):
      unsafe unlink(path)
      close(descriptor)
    case .name(let name, let names): names.give(name)
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: .write, "cannot lock \(path): \(unsafe String(cString: strerror(code)))",
      remedy: .either("check the folder and its permissions", or: .useLedger(.another)))
  }
}

/// The names that the tasks of one process hold.
final class HeldNames: Sendable {
  private let held = Mutex<Set<String>>([])

  func take(_ name: String) -> Bool { held.withLock { $0.insert(name).inserted } }
  func give(_ name: String) { held.withLock { _ = $0.remove(name) } }
}

/// A run that is reserved for the holder of this value, as long as the value lives.
package struct LedgerClaim: Sendable {
  /// The run at the moment it was claimed.
  package let entry: LedgerEntry
  private let lock: LedgerLock

  init(entry: LedgerEntry, lock: LedgerLock) {
    self.entry = entry
    self.lock = lock
  }
}
