/// A new file without a name: it is written, synced to the disk and then named in one step. A reader therefore sees the old file or
/// the new one, never a part of either, and a power cut loses neither.
///
/// Before it is named it is a temporary file (`.gesso-….part`) in the destination's folder, which is removed when this value ends.
/// It is locked (`flock`) as long as it is open, so that ``removeAbandoned(in:)`` can distinguish it from a file whose process was
/// killed. One thread at a time may use it.
package struct DurableFile: ~Copyable {
  /// Open for writing; closed with this value.
  package let descriptor: Int32
  /// The path of the temporary file.
  package let path: String
  private let folder: String

  /// Makes an empty file.
  ///
  /// - Parameter destination: A path in the folder that the file is made in. The folder must exist.
  /// - Throws: A failure of the kind `notWritten`.
  package init(beside destination: String) throws(FileFailure) {
    try self.init(in: Self.folder(of: destination)) { Self.prefix + Self.token + Self.suffix }
  }

  private init(in folder: String, name: () -> String) throws(FileFailure) {
    while true {
      let path = "\(folder)/\(name())"
      let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw .writing("cannot write to \(folder)") }
      // Between the two calls another process may have taken the file for an abandoned one. A file system without locks has
      // no process that removes such files.
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, FileIdentity(path) != nil {
        self.folder = folder
        self.path = path
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit {
    close(descriptor)
    // Fails after the file was named; no other file can have the temporary name.
    unsafe unlink(path)
  }

  /// Removes all content, for another attempt.
  package func empty() throws(FileFailure) {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw .writing("cannot write \(path)")
    }
  }

  /// Syncs all content so far to the disk.
  package func sync() throws(FileFailure) {
    guard syncToDisk(descriptor) == 0 else { throw .writing("cannot sync \(path)") }
  }

  /// Gives the synced file its name, and syncs the folder.
  ///
  /// - Parameters:
  ///   - destination: The path, in the folder that the file was made in. A symbolic link at this path is not followed.
  ///   - replacing: False to refuse when the name is taken. The file system decides this, so that only one of two processes
  ///     succeeds.
  /// - Throws: `exists` when the name is taken and `replacing` is false; the file can then be given another name. `notWritten`
  ///   when the file could not be named, or when it was and the folder could not be synced.
  package func move(to destination: String, replacing: Bool) throws(FileFailure) {
    if replacing {
      guard unsafe rename(path, destination) == 0 else { throw .writing("cannot write \(destination)") }
    } else {
      try publish(as: destination)
    }
    try syncFolder()
  }

  /// Names the file unless the name is taken, in one step of the file system: a hard link never replaces a file.
  private func publish(as destination: String) throws(FileFailure) {
    if unsafe link(path, destination) == 0 {
      unsafe unlink(path)
      return
    }
    guard errno == EPERM || errno == EOPNOTSUPP else {
      throw errno == EEXIST ? .exists(destination) : .writing("cannot write \(destination)")
    }
    // A file system without hard links (FAT): claim the name first, then replace the claim.
    let claim = unsafe open(destination, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard claim >= 0 else { throw errno == EEXIST ? .exists(destination) : .writing("cannot write \(destination)") }
    close(claim)
    guard unsafe rename(path, destination) == 0 else { throw .writing("cannot write \(destination)") }
  }

  private func syncFolder() throws(FileFailure) {
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }  // A folder without read permission cannot be synced.
    defer { close(descriptor) }
    // EINVAL: the file system has nothing to sync for folders.
    guard syncToDisk(descriptor) == 0 || errno == EINVAL else { throw .writing("cannot sync the folder \(folder)") }
  }

  private static let prefix = ".gesso-"
  private static let suffix = ".part"
  private static var token: String { String(UInt64.random(in: .min ... .max), radix: 36) }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension DurableFile {
  /// Checks that a folder takes new files, and names of a certain length and spelling, by making a file and removing it.
  ///
  /// - Parameters:
  ///   - folder: The folder. It must exist.
  ///   - name: The beginning of a name. The file that is made has its characters.
  ///   - length: The length of the longest name that is going to be used, in bytes: 255 at most on usual file systems.
  /// - Throws: A failure of the kind `notWritten`.
  package static func tryOut(_ folder: String, name: String, length: Int) throws(FileFailure) {
    // Random digits distinguish it from the file of another process.
    let padding = max(13, length - (prefix + name + suffix).utf8.count)
    let zeros = String(repeating: "0", count: padding)
    _ = try DurableFile(in: folder) { prefix + name + (token + zeros).prefix(padding) + suffix }
  }

  /// Removes abandoned files in the folder of a path, as ``removeAbandoned(in:)`` does.
  package static func removeAbandoned(beside path: String) { removeAbandoned(in: folder(of: path)) }

  /// Removes temporary files of this user whose process ended before it named or removed them, after `kill -9` or a power cut.
  ///
  /// Files of running processes are locked, and stay. Nothing is removed on a network file system, where the locks of other machines
  /// may not be visible.
  ///
  /// - Parameter folder: The folder. Its subfolders are not searched.
  package static func removeAbandoned(in folder: String) {
    guard FileSystem(holding: folder)?.networkType == nil, let entries = unsafe opendir(folder) else { return }
    defer { unsafe closedir(entries) }
    while let entry = unsafe readdir(entries) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { continue }
      let path = "\(folder)/\(name)"
      let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      var status = stat()
      guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
      else { continue }
      unsafe unlink(path)
    }
  }

  /// Writes a whole file.
  ///
  /// A symbolic link is followed: its target is replaced and the link stays. A path that exists and is no regular file (a
  /// terminal, a pipe, `/dev/null`) is written to in place, because it cannot be replaced by renaming.
  ///
  /// - Parameters:
  ///   - bytes: The whole content.
  ///   - path: The path of the file. Its folder must exist.
  ///   - replacing: False to refuse when the file exists. The file system decides this, so that only one of two processes
  ///     succeeds.
  ///   - inputs: Paths of files that are never replaced, whichever path leads to them (compared by device and inode).
  /// - Throws: A failure of the kind `exists`, `isInput` or `notWritten`.
  package static func write(
    _ bytes: [UInt8], to path: String, replacing: Bool, notOver inputs: [String] = []
  ) throws(FileFailure) {
    try check(path, replacing: replacing, notOver: inputs)
    var destination = path
    if let existing = FileIdentity(path) {
      guard existing.isRegular else { return try writeInPlace(bytes, to: path) }
      destination = try resolved(path)
    }
    let file = try DurableFile(beside: destination)
    try writeAll(bytes, to: file.descriptor, name: path)
    try file.sync()
    try file.move(to: destination, replacing: replacing)
  }

  /// Throws the error that ``write(_:to:replacing:notOver:)`` would throw now for this path, before any work is done.
  package static func check(_ path: String, replacing: Bool, notOver inputs: [String] = []) throws(FileFailure) {
    guard let existing = FileIdentity(path) else { return }
    for input in inputs where FileIdentity(input) == existing {
      throw FileFailure(kind: .isInput, message: "the output is the input \(input)", remedy: .chooseAnotherName(path))
    }
    guard !existing.isFolder else {
      throw FileFailure(kind: .notWritten, message: "\(path) is a folder", remedy: "name a file in it")
    }
    guard replacing || !existing.isRegular else { throw .exists(path) }
  }

  private static func writeInPlace(_ bytes: [UInt8], to path: String) throws(FileFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .writing("cannot write \(path)") }
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, name: path)
  }

  private static func resolved(_ path: String) throws(FileFailure) -> String {
    guard let name = unsafe realpath(path, nil) else { throw .writing("cannot write \(path)") }
    defer { unsafe free(name) }
    return unsafe String(cString: name)
  }
}
