internal import Ground

/// Writes files so that a reader sees the old bytes or the new bytes, never a part of either.
///
/// The bytes go to a temporary file in the same folder (`.gesso-…`), which is synced and then renamed; the folder is
/// synced last, so that the name survives a power cut as well.
public enum AtomicFile {
  /// Writes `bytes` to `path`.
  ///
  /// A symbolic link is followed: its target is replaced and the link stays. What is no regular file (a terminal, a pipe,
  /// `/dev/null`) is written to as it stands, because there is nothing to rename.
  /// - Parameters:
  ///   - bytes: The whole content.
  ///   - path: Where it goes. The folder must exist.
  ///   - replacing: False to refuse when something is already there; decided by the file system, so that of two
  ///     processes only one succeeds.
  ///   - inputs: Files that are never replaced, whatever name they are reached by (compared by device and inode).
  /// - Throws: A ``PreparationError`` of stage `write`: `output-exists`, `output-is-input` or `write-failed`.
  public static func write(
    _ bytes: [UInt8], to path: String, replacing: Bool, notOver inputs: [String] = []
  ) throws(PreparationError) {
    try check(path, replacing: replacing, notOver: inputs)
    var destination = path
    if let existing = FileIdentity(path) {
      guard existing.isRegular else { return try writeThrough(bytes, to: path) }
      destination = try resolved(path)
    }

    let folder = folder(of: destination)
    let temporary = "\(folder)/.gesso-\(UInt64.random(in: .min ... .max))"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failed("cannot write to \(folder)") }
    do throws(PreparationError) {
      try fill(descriptor, with: bytes, path: path)
      try move(temporary, to: destination, replacing: replacing)
    } catch {
      unsafe unlink(temporary)
      throw error
    }
  }

  /// Gives a complete temporary file its name, and syncs the folder.
  ///
  /// - Parameters:
  ///   - temporary: A file that is synced already, in the folder of `path`. When this throws it is where it was, or it has
  ///     its name and the folder could not be synced.
  ///   - path: The name. A symbolic link of this name is not followed.
  ///   - replacing: False to refuse when anything has the name; decided by the file system, so that of two processes only
  ///     one succeeds.
  /// - Throws: A ``PreparationError`` of stage `write`: `output-exists` or `write-failed`.
  package static func move(_ temporary: String, to path: String, replacing: Bool) throws(PreparationError) {
    if replacing {
      guard unsafe rename(temporary, path) == 0 else { throw failed("cannot write \(path)") }
    } else {
      try publish(temporary, as: path)
    }
    try syncFolder(folder(of: path))
  }

  /// Refuses what ``write(_:to:replacing:notOver:)`` would refuse now, so that no work is done for nothing.
  public static func check(
    _ path: String, replacing: Bool, notOver inputs: [String] = []
  ) throws(PreparationError) {
    guard let existing = FileIdentity(path) else { return }
    for input in inputs where FileIdentity(input) == existing {
      throw PreparationError(
        .outputIsInput, stage: .write, "the output is the input \(input)", remedy: "choose another name")
    }
    guard !existing.isFolder else {
      throw PreparationError(
        .writeFailed, stage: .write, "\(path) is a folder", remedy: "name a file in it, or use --out-dir")
    }
    guard replacing || !existing.isRegular else { throw outputExists(path) }
  }

  /// Gives a file its name unless the name is taken, in one step of the file system: a hard link never replaces.
  private static func publish(_ temporary: String, as path: String) throws(PreparationError) {
    if unsafe link(temporary, path) == 0 {
      unsafe unlink(temporary)
      return
    }
    guard errno == EPERM || errno == EOPNOTSUPP else {
      throw errno == EEXIST ? outputExists(path) : failed("cannot write \(path)")
    }
    // A file system without hard links (FAT): claim the name first, then replace the claim.
    let claim = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard claim >= 0 else { throw errno == EEXIST ? outputExists(path) : failed("cannot write \(path)") }
    close(claim)
    guard unsafe rename(temporary, path) == 0 else { throw failed("cannot write \(path)") }
  }

  private static func fill(_ descriptor: Int32, with bytes: [UInt8], path: String) throws(PreparationError) {
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, path: path)
    guard fsync(descriptor) == 0 else { throw failed("cannot sync \(path)") }
  }

  private static func writeThrough(_ bytes: [UInt8], to path: String) throws(PreparationError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failed("cannot write \(path)") }
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, path: path)
  }

  /// Writes every byte to an open descriptor such as standard output, going on after partial writes and signals.
  public static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(PreparationError) {
    var offset = 0
    while offset < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Self.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[offset...]))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw failed("cannot write \(path)")
      }
      offset += count
    }
  }

  private static func write(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
    unsafe Ground.write(descriptor, buffer.baseAddress, buffer.count)
  }

  private static func syncFolder(_ folder: String) throws(PreparationError) {
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }  // A folder that may be written but not read cannot be synced.
    defer { close(descriptor) }
    // EINVAL: the file system has nothing to sync for folders.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failed("cannot sync the folder \(folder)") }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func resolved(_ path: String) throws(PreparationError) -> String {
    guard let name = unsafe realpath(path, nil) else { throw failed("cannot write \(path)") }
    defer { unsafe free(name) }
    return unsafe String(cString: name)
  }

  private static func outputExists(_ path: String) -> PreparationError {
    PreparationError(
      .outputExists, stage: .write, "\(path) exists", remedy: "choose another name, or leave out --no-clobber")
  }

  private static func failed(_ what: String) -> PreparationError {
    let reason = unsafe String(cString: strerror(errno))
    return PreparationError(
      .writeFailed, stage: .write, "\(what): \(reason)", remedy: "check the folder, its permissions and the free space")
  }
}

/// What a name stands for, links followed: two names with equal identities are one file.
private struct FileIdentity: Equatable {
  let device: UInt64
  let inode: UInt64
  private let mode: mode_t

  init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    mode = status.st_mode
  }

  var isRegular: Bool { mode & mode_t(S_IFMT) == mode_t(S_IFREG) }
  var isFolder: Bool { mode & mode_t(S_IFMT) == mode_t(S_IFDIR) }

  static func == (a: FileIdentity, b: FileIdentity) -> Bool { a.device == b.device && a.inode == b.inode }
}
