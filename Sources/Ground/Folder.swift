/// Folders, made by the system's own calls, so that a failure has the system's reason.
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
}
