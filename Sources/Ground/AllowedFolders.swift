/// The only folders that a program uses. The symbolic links of a path that comes from outside are resolved before the path is used.
///
/// Paths are compared by their bytes, because two strings that are equal in Swift can be the names of two files: Swift compares characters,
/// not their encodings.
package struct AllowedFolders: Sendable, Equatable {
  /// The reason why a path is refused.
  package enum Refusal: Error, Equatable {
    /// The path does not begin with a slash, or has a NUL.
    case notAbsolute
    /// The path leads out of the folders.
    case outside
    /// There is no file at the path.
    case absent
    /// The path leads to or through a symbolic link whose target does not exist.
    case danglingLink
    /// The path cannot be followed, for this reason of the system.
    case unreachable(String)
  }

  /// The folders, without symbolic links.
  package let paths: [String]

  /// Makes the list.
  ///
  /// - Parameter paths: The folders, which have to be there.
  /// - Throws: A failure of the kind `notFound`.
  package init(_ paths: [String]) throws(FileFailure) {
    var real: [String] = []
    for path in paths {
      guard let folder = realPath(of: path), FileIdentity(folder)?.isFolder == true else {
        throw FileFailure(kind: .notFound, message: "there is no folder \(path)", remedy: "name a folder that is there")
      }
      real.append(folder)
    }
    self.paths = real
  }

  /// True for a path without symbolic links that is one of the folders, or in one.
  package func contain(_ realPath: String) -> Bool {
    let path = Array(realPath.utf8)
    return paths.contains { folder in
      let folder = Array(folder.utf8)
      return folder == [slash] || path == folder || path.starts(with: folder + [slash])
    }
  }

  /// The path of an existing file or folder, without symbolic links.
  ///
  /// A path outside of the folders is refused as ``Refusal/outside``, whether or not it exists.
  package func existing(_ path: String) throws(Refusal) -> String {
    let real = try new(path)
    guard FileIdentity(real) != nil else { throw .absent }
    return real
  }

  /// The path of a file that may be made, without symbolic links: the existing part is resolved, and the rest is kept as it is written.
  package func new(_ path: String) throws(Refusal) -> String {
    guard path.utf8.first == slash, !path.utf8.contains(0) else { throw .notAbsolute }
    var (found, rest) = (path[...], "")
    while true {
      if let real = realPath(of: String(found)) {
        let whole = rest.isEmpty ? real : (real == "/" ? "" : real) + rest
        guard contain(whole) else { throw .outside }
        return whole
      }
      let code = errno
      guard code == ENOENT else { throw .unreachable(unsafe String(cString: strerror(code))) }
      while found.utf8.count > 1, found.utf8.last == slash {
        found = found[..<found.utf8.index(before: found.endIndex)]
      }
      if isSymbolicLink(String(found)) { throw .danglingLink }
      // The slash is searched for in bytes: in Swift, a slash with a combining accent after it is another character than a slash, but in a
      // path it is a slash.
      guard let last = found.utf8.lastIndex(of: slash) else { throw .outside }
      let name = found[found.utf8.index(after: last)...]
      // A path that does not exist has no folder above it.
      if name == ".." { throw .outside }
      if name != ".", !name.isEmpty { rest = "/\(name)\(rest)" }
      found = last == found.startIndex ? "/" : found[..<last]
    }
  }
}

private let slash = UInt8(ascii: "/")

/// The path without symbolic links; nil, with the reason in `errno`, for one that cannot be followed or is not UTF-8.
func realPath(of path: String) -> String? {
  guard let real = unsafe realpath(path, nil) else { return nil }
  defer { unsafe free(real) }
  guard let text = unsafe String(validatingCString: real) else {
    errno = EILSEQ
    return nil
  }
  return text
}

private func isSymbolicLink(_ path: String) -> Bool {
  var status = stat()
  return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
}
