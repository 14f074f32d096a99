internal import Foundation

/// The exclusive right to work on one run, among all tasks and processes of this machine.
///
/// It is an advisory lock (`flock`) on an empty file, which the kernel gives up when its process ends, however it ends: a
/// lock that is left behind by a dead process cannot be told from none at all.
package final class LedgerLock: Sendable {
  private let path: String
  private let descriptor: Int32

  /// Takes the lock, or gives nil when somebody else holds it.
  ///
  /// - Throws: A ``PipelineError`` with the code `ledger-unavailable` when the file cannot be made.
  init?(path: String) throws(PipelineError) {
    while true {
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw Self.failure(path, errno) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        close(descriptor)
        if code == EWOULDBLOCK { return nil }
        throw Self.failure(path, code)
      }
      // Whoever held it before may have removed the file between the two calls; then it locks nobody out.
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0, status.st_nlink > 0 {
        self.path = path
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit {
    unsafe unlink(path)
    close(descriptor)
  }

  private static func failure(_ path: String, _ code: Int32) -> PipelineError {
    PipelineError(
      .ledgerUnavailable, stage: "write", "cannot lock \(path): \(unsafe String(cString: strerror(code)))",
      remedy: "check the folder and its permissions, or set GESSO_LEDGER to another file")
  }
}

/// A run that nobody else works on as long as this value lives.
package struct LedgerClaim: Sendable {
  /// The run as it stood when it was claimed.
  package let entry: LedgerEntry
  private let lock: LedgerLock

  init(entry: LedgerEntry, lock: LedgerLock) {
    self.entry = entry
    self.lock = lock
  }
}
