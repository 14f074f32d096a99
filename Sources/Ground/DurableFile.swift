/// A new file that has no name yet: it is written, synced to the disk and then given its name in one step, so that a reader sees the
/// old file or the new one, never a part of either, and a power cut loses neither.
///
/// Until then it is a temporary file (`.gesso-…`) in the folder where it is to have its name; it is removed with this value unless
/// it was given its name before. One thread at a time may use it.
package struct DurableFile: ~Copyable {
  /// Open for writing; closed with this value.
  package let descriptor: Int32
  /// The path of the temporary file.
  package let path: String
  private let folder: String

  /// Makes an empty file.
  ///
  /// - Parameter destination: A path in the folder where the file is to have its name; the folder exists.
  package init(beside destination: String) throws(FileFailure) {
    let folder = Self.folder(of: destination)
    let path = "\(folder)/.gesso-\(String(UInt64.random(in: .min ... .max), radix: 36)).part"
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .writing("cannot write to \(folder)") }
    self.folder = folder
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
    // Fails where the file has its name, and nothing else can have this one.
    unsafe unlink(path)
  }

  /// Removes what was written, for another attempt.
  package func empty() throws(FileFailure) {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw .writing("cannot write \(path)")
    }
  }

  /// Writes what was written so far to the disk.
  package func sync() throws(FileFailure) {
    guard syncToDisk(descriptor) == 0 else { throw .writing("cannot sync \(path)") }
  }

  /// Gives the synced file its name, and syncs the folder.
  ///
  /// When this throws, the file has no name and may be given another one; or it has its name and the folder could not be synced.
  /// - Parameters:
  ///   - destination: The name, in the folder that the file was made in. A symbolic link of this name is not followed.
  ///   - replacing: False to refuse when anything has the name; decided by the file system, so that of two processes only
  ///     one succeeds.
  package func move(to destination: String, replacing: Bool) throws(FileFailure) {
    if replacing {
      guard unsafe rename(path, destination) == 0 else { throw .writing("cannot write \(destination)") }
    } else {
      try publish(as: destination)
    }
    try syncFolder()
  }

  /// Gives the file its name unless that is taken, in one step of the file system: a hard link never replaces.
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
    guard descriptor >= 0 else { return }  // A folder that may be written but not read cannot be synced.
    defer { close(descriptor) }
    // EINVAL: the file system has nothing to sync for folders.
    guard syncToDisk(descriptor) == 0 || errno == EINVAL else { throw .writing("cannot sync the folder \(folder)") }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension DurableFile {
  /// Writes a whole file.
  ///
  /// A symbolic link is followed: its target is replaced and the link stays. What is no regular file (a terminal, a pipe,
  /// `/dev/null`) is written to as it is, because there is nothing to rename.
  /// - Parameters:
  ///   - bytes: The whole content.
  ///   - path: Where it goes. The folder must exist.
  ///   - replacing: False to refuse when something is already there; decided by the file system, so that of two
  ///     processes only one succeeds.
  ///   - inputs: Files that are never replaced, whatever name they are reached by (compared by device and inode).
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

  /// Refuses what ``write(_:to:replacing:notOver:)`` would refuse now, so that no work is done for nothing.
  package static func check(_ path: String, replacing: Bool, notOver inputs: [String] = []) throws(FileFailure) {
    guard let existing = FileIdentity(path) else { return }
    for input in inputs where FileIdentity(input) == existing {
      throw FileFailure(kind: .isInput, message: "the output is the input \(input)", remedy: "choose another name")
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
