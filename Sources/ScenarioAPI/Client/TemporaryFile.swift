internal import Foundation

/// Owns a new file beside its later place, and removes it unless it gets there.
struct TemporaryFile: ~Copyable {
  /// Open for writing.
  let descriptor: Int32
  /// Where it is now.
  let path: String

  /// The folder it is in.
  private let folder: String
  private var isMoved = false

  /// Makes an empty file in the folder of `destination`.
  init(beside destination: String) throws(ScenarioError) {
    let parent = (destination as NSString).deletingLastPathComponent
    let folder = parent.isEmpty ? "." : parent
    let name = ".gesso-\(String(UInt64.random(in: .min ... .max), radix: 36)).part"
    let path = (folder as NSString).appendingPathComponent(name)
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.failure("cannot write in \(folder)", errno) }
    self.folder = folder
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
    if !isMoved { unsafe unlink(path) }
  }

  /// Takes out what was written, for another attempt.
  func empty() throws(ScenarioError) {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw Self.failure("cannot write \(path)", errno)
    }
  }

  /// Syncs what was written to the disk.
  func sync() throws(ScenarioError) {
    guard fsync(descriptor) == 0 else { throw Self.failure("cannot write \(path)", errno) }
  }

  /// Puts the synced file in the place of whatever is at `destination`, in the same folder.
  consuming func move(to destination: String) throws(ScenarioError) {
    guard unsafe rename(path, destination) == 0 else { throw Self.failure("cannot write \(destination)", errno) }
    // The new name survives a crash only when the folder is synced too; a file system that cannot is no failure.
    let parent = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
    isMoved = true
  }

  private static func failure(_ what: String, _ code: Int32) -> ScenarioError {
    ScenarioError(
      .writeFailed, .unusable, stage: .download, "\(what): \(unsafe String(cString: strerror(code)))",
      remedy: "check the folder, its permissions and the space left")
  }
}
