internal import Synchronization

/// A new file that gets its name last: it is written, synced to the disk, and then named in one step. A reader therefore sees the whole old
/// file or the whole new one, and a power cut loses neither.
///
/// Before it is named, it is a temporary file (`.gesso-….part`) in the destination's folder, and is removed when this value ends. The file
/// is locked (`flock`) as long as it is open, so that ``removeAbandoned(in:)`` can distinguish it from a file whose process was killed. One
/// thread at a time may use it.
///
/// A process that serves others makes files in some folders only (``confine(to:)``).
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
      // Between the calls of open and flock, another process may have locked or removed the file, because it looked abandoned. On a file
      // system without locks, no process removes such files.
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, FileIdentity(path) != nil {
        do throws(FileFailure) {
          if let folders = Self.confinement.withLock(\.self) { try Self.check(path, descriptor, in: folders) }
        } catch {
          close(descriptor)
          unsafe unlink(path)
          throw error
        }
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
    // This fails if the file was named, and removes no other file, because no other file can have the temporary name.
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

  /// Gives the synced file its name, and syncs the folder. A file that replaces another one gets the permissions of that file, and also its
  /// owner and group if this user may set them.
  ///
  /// - Parameters:
  ///   - destination: The path, in the folder that the file was made in. A symbolic link at this path is not followed.
  ///   - replacing: False to refuse when the name is taken. The file system decides this, so that only one of two processes
  ///     succeeds.
  /// - Throws: `exists` when the name is taken and `replacing` is false; the file can then be given another name. `notWritten` when the
  ///   file could not be named, or when it was named but the folder could not be synced.
  package func move(to destination: String, replacing: Bool) throws(FileFailure) {
    if replacing {
      try takeAccess(ofFileAt: destination)
      guard unsafe rename(path, destination) == 0 else { throw .writing("cannot write \(destination)") }
    } else {
      try publish(as: destination)
    }
    try syncFolder()
  }

  private func takeAccess(ofFileAt path: String) throws(FileFailure) {
    var replaced = stat()
    guard unsafe lstat(path, &replaced) == 0, replaced.st_mode & S_IFMT == S_IFREG else { return }
    // Only the superuser may change a file's owner; other users may set no group but their own. If the group cannot be set, the file gets
    // no permissions for its group.
    var permissions = replaced.st_mode & 0o777
    if fchown(descriptor, replaced.st_uid, replaced.st_gid) != 0,
      fchown(descriptor, uid_t.max, replaced.st_gid) != 0
    {
      permissions &= ~0o070
    }
    // EPERM: the file system has no such permissions (FAT).
    guard fchmod(descriptor, permissions) == 0 || errno == EPERM else { throw .writing("cannot write \(path)") }
  }

  /// Names the file unless the name is taken. A hard link does so in one step of the file system, because it never replaces a file.
  private func publish(as destination: String) throws(FileFailure) {
    if unsafe link(path, destination) == 0 {
      unsafe unlink(path)
      return
    }
    guard errno == EPERM || errno == EOPNOTSUPP else {
      throw errno == EEXIST ? .exists(destination) : .writing("cannot write \(destination)")
    }
    // The file system has no hard links (FAT). So an empty file claims the name, and is then replaced.
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
  /// The folders that files may be made in; nil for any.
  private static let confinement = Mutex<AllowedFolders?>(nil)

  /// From now on, this process makes files only in these folders, even if a path leads elsewhere by the time at which it is used. Files
  /// without a name in the system's folder for temporary files are excepted.
  package static func confine(to folders: AllowedFolders) { confinement.withLock { $0 = folders } }

  /// Checks that an open file is in one of the folders. A check of its path before it was opened is not enough, because the path may have
  /// led elsewhere then.
  ///
  /// - Parameters:
  ///   - path: The path that the file was opened by.
  ///   - descriptor: The open file.
  ///   - folders: The folders.
  /// - Throws: A failure of the kind `notWritten`.
  package static func check(_ path: String, _ descriptor: Int32, in folders: AllowedFolders) throws(FileFailure) {
    guard let real = realPath(of: path), folders.contain(real),
      FileIdentity(real) == FileIdentity(descriptor: descriptor)
    else { throw .elsewhere(path) }
  }

  /// Checks that a folder accepts new files, and names of this length and with these characters, by making a file and removing it.
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

  /// Removes abandoned files as ``removeAbandoned(in:)`` does, from the folder that a file for this path is written in. A symbolic link at
  /// the path is followed.
  package static func removeAbandoned(beside path: String) {
    if let target = try? target(of: path) { removeAbandoned(in: folder(of: target)) }
  }

  /// Removes temporary files of this user whose process ended before it named or removed them, after `kill -9` or a power cut.
  ///
  /// Files of running processes are locked, and stay. Nothing is removed on a network file system, where the locks of other machines
  /// may not be visible.
  ///
  /// - Parameter folder: The folder. Its subfolders are not searched.
  package static func removeAbandoned(in folder: String) {
    guard FileSystem(holding: folder)?.networkType == nil, let names = try? Folder.names(of: folder) else { return }
    for name in names.lazy.map({ String(decoding: $0, as: UTF8.self) }) {
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

  /// Writes a whole file of bytes in memory.
  ///
  /// - Parameters:
  ///   - bytes: The whole content.
  ///   - path: The path of the file. Its folder must exist.
  ///   - replacing: False to refuse when the file exists.
  ///   - inputs: Paths of files that are never replaced.
  /// - Throws: The errors of ``write(to:replacing:notOver:content:)``.
  package static func write(
    _ bytes: [UInt8], to path: String, replacing: Bool, notOver inputs: [String] = []
  ) throws(FileFailure) {
    try write(to: path, replacing: replacing, notOver: inputs) { descriptor throws(FileFailure) in
      try writeAll(bytes, to: descriptor, name: path)
    }
  }

  /// Writes a whole file.
  ///
  /// A symbolic link is followed, also to a file that is not there yet: its target is replaced, and the link stays. Other hard links of a
  /// replaced file keep its old content. A target that cannot be replaced by renaming is written in place: a path that exists and is no
  /// regular file (a terminal, a pipe, `/dev/null`), and an open descriptor under its name (`/dev/stdout`, `/dev/fd/3`).
  ///
  /// - Parameters:
  ///   - path: The path of the file. Its folder must exist.
  ///   - replacing: False to refuse when the file exists. The file system decides this, so that only one of two processes
  ///     succeeds.
  ///   - inputs: Paths of files that are never replaced, whichever path leads to them (compared by device and inode).
  ///   - content: Writes the whole content to an open descriptor.
  /// - Throws: A failure of the kind `exists`, `isInput`, `notWritten` or `notRead`, and the errors of `content`.
  package static func write(
    to path: String, replacing: Bool, notOver inputs: [String] = [],
    content: (_ descriptor: Int32) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    try check(path, replacing: replacing, notOver: inputs)
    let existing = FileIdentity(path)
    if descriptor(named: path) != nil || existing?.isRegular == false, confinement.withLock({ $0 != nil }) {
      throw .elsewhere(path)
    }
    if let descriptor = descriptor(named: path) { return try content(descriptor) }
    if let existing, !existing.isRegular { return try writeInPlace(path, content) }
    let destination = replacing ? try target(of: path) : path
    let file = try DurableFile(beside: destination)
    try content(file.descriptor)
    try file.sync()
    try file.move(to: destination, replacing: replacing)
  }

  /// Throws the error that ``write(to:replacing:notOver:content:)`` would throw now for this path, before any work is done.
  package static func check(_ path: String, replacing: Bool, notOver inputs: [String] = []) throws(FileFailure) {
    guard let existing = FileIdentity(path) else {
      if !replacing, symbolicLink(at: path) != nil { throw .exists(path) }
      return
    }
    for input in inputs where FileIdentity(input) == existing {
      throw FileFailure(kind: .isInput, message: "the output is the input \(input)", remedy: .chooseAnotherName(path))
    }
    guard !existing.isFolder else {
      throw FileFailure(kind: .notWritten, message: "\(path) is a folder", remedy: "name a file in it")
    }
    guard replacing || !existing.isRegular || descriptor(named: path) != nil else { throw .exists(path) }
  }

  private static func writeInPlace(
    _ path: String, _ content: (Int32) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .writing("cannot write \(path)") }
    defer { close(descriptor) }
    try content(descriptor)
  }

  /// The descriptor of this process that a path names; nil for other paths.
  package static func descriptor(named path: String) -> Int32? {
    switch path {
    case "/dev/stdin": return STDIN_FILENO
    case "/dev/stdout": return STDOUT_FILENO
    case "/dev/stderr": return STDERR_FILENO
    default:
      let folder = ["/dev/fd/", "/proc/self/fd/"].first { path.hasPrefix($0) }
      return folder.flatMap { Int32(path.dropFirst($0.count)) }
    }
  }

  /// The path that symbolic links at this path lead to, even if there is nothing yet.
  private static func target(of path: String) throws(FileFailure) -> String {
    var target = path
    // Linux follows at most 40 symbolic links.
    for _ in 0..<40 {
      guard let link = symbolicLink(at: target) else { return target }
      target = link.hasPrefix("/") ? link : "\(folder(of: target))/\(link)"
    }
    errno = ELOOP
    throw .writing("cannot write \(path)")
  }

  /// The content of a symbolic link; nil for anything else.
  private static func symbolicLink(at path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink(path, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
  }
}
