internal import Foundation
package import Ground

/// The exclusive right to work on one run, among all tasks and processes of this machine.
///
/// It is an advisory lock (`flock`) on an empty file. The kernel releases it when its process ends, however it ends, so a dead
/// process leaves no lock behind.
package final class LedgerLock: Sendable {
  private let path: String
  private let descriptor: Int32

  /// The attempts to lock the file that the path leads to, while its holders remove it.
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
      // The last holder may have removed the file between the two calls; a lock on a removed file excludes nobody.
      if let locked = FileIdentity(descriptor: descriptor), identity(path) == locked {
        self.path = path
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
    // A file system on which a path never leads to the file that was just opened.
    throw Self.failure(path, ESTALE)
  }

  deinit {
    unsafe unlink(path)
    close(descriptor)
  }

  private static func failure(_ path: String, _ code: Int32) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: .write, "cannot lock \(path): \(unsafe String(cString: strerror(code)))",
      remedy: .either("check the folder and its permissions", or: .useLedger(.another)))
  }
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
