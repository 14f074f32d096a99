/// Folders, made and read by the system's own calls, so that a failure has the system's reason.
package enum Folder {
  /// Makes a folder and the parents that are missing. An existing folder stays as it is.
  ///
  /// - Parameters:
  ///   - path: The folder.
  ///   - permissions: The permissions of the folders that are made; the process's mask is applied.
  /// - Throws: A failure of the kind `notWritten`.
  package static func make(_ path: String, permissions: mode_t = 0o777) throws(FileFailure) {
    if let existing = FileIdentity(path) {
      guard existing.isFolder else {
        throw FileFailure(kind: .notWritten, message: "\(path) is a file", remedy: "name a folder")
      }
      return
    }
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try make(String(path[..<slash]), permissions: permissions)
    }
    // Another process may have made it meanwhile.
    guard unsafe mkdir(String(path), permissions) == 0 || errno == EEXIST else {
      throw .writing("cannot make the folder \(path)")
    }
  }

  /// One entry of a folder.
  package struct Entry: Sendable {
    /// The name's bytes, which need not be UTF-8.
    package let bytes: [UInt8]
    /// True for a folder, and for a link to one.
    package let isFolder: Bool

    /// The name as text, with U+FFFD for bytes that are not UTF-8. There may be no file with such a name.
    package var name: String { String(decoding: bytes, as: UTF8.self) }
    package var isUTF8: Bool { String(validating: bytes, as: UTF8.self) != nil }
  }

  /// The entries of a folder, in no order, without `.` and `..`.
  ///
  /// - Throws: A failure of the kind `notFound` or `unreadable`.
  package static func entries(of path: String) throws(FileFailure) -> [Entry] {
    try names(of: path).map { name in
      var status = stat()
      let isFound = unsafe ([UInt8](path.utf8) + [UInt8(ascii: "/")] + name + [0]).withUnsafeBufferPointer { path in
        unsafe path.withMemoryRebound(to: CChar.self) { unsafe stat($0.baseAddress!, &status) } == 0
      }
      return Entry(bytes: name, isFolder: isFound && status.st_mode & S_IFMT == S_IFDIR)
    }
  }

  /// The names of a folder's entries, as the bytes of the file system, in no order, without `.` and `..`.
  ///
  /// - Throws: A failure of the kind `notFound` or `unreadable`.
  static func names(of path: String) throws(FileFailure) -> [[UInt8]] {
    guard let offset = MemoryLayout<dirent>.offset(of: \.d_name), let folder = unsafe opendir(path) else {
      throw .listing(path)
    }
    defer { unsafe closedir(folder) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(folder) else { break }
      // The name is read in place. An entry ends with its name, so a copy of the whole field d_name would read past the system's buffer.
      let text = unsafe UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
      let name = unsafe [UInt8](UnsafeRawBufferPointer(start: text, count: strlen(text)))
      if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
    }
    guard errno == 0 else { throw .listing(path) }
    return names
  }
}
