/// Folders, made and read by the system's own calls, so that a failure has the system's reason.
package enum Folder {
  /// Makes a folder and the parents that are missing. An existing folder stays as it is.
  ///
  /// - Parameters:
  ///   - path: The folder.
  ///   - permissions: Those of the folders that are made; the process's mask is applied.
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

  /// What a folder holds.
  package struct Entry: Sendable {
    /// The name's bytes, which need not be UTF-8.
    package let bytes: [UInt8]
    /// True for a folder, and for a link to one.
    package let isFolder: Bool

    /// The name; with U+FFFD for bytes that are not UTF-8, so that no file may have it.
    package var name: String { String(decoding: bytes, as: UTF8.self) }
    package var isUTF8: Bool { String(validating: bytes, as: UTF8.self) != nil }
  }

  /// The entries of a folder, in no order, without `.` and `..`.
  ///
  /// - Throws: A failure of the kind `notFound` or `unreadable`.
  package static func entries(of path: String) throws(FileFailure) -> [Entry] {
    guard let folder = unsafe opendir(path) else { throw .listing(path) }
    defer { unsafe closedir(folder) }
    var entries: [Entry] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(folder) else { break }
      let bytes = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in unsafe [UInt8](bytes.prefix { $0 != 0 }) }
      guard bytes != [UInt8(ascii: ".")], bytes != [UInt8](repeating: UInt8(ascii: "."), count: 2) else { continue }
      var status = stat()
      let isFound = unsafe (bytes + [0]).withUnsafeBufferPointer { name in
        unsafe name.withMemoryRebound(to: CChar.self) { unsafe fstatat(dirfd(folder), $0.baseAddress!, &status, 0) }
          == 0
      }
      entries.append(Entry(bytes: bytes, isFolder: isFound && status.st_mode & S_IFMT == S_IFDIR))
    }
    guard errno == 0 else { throw .listing(path) }
    return entries
  }
}
