/// The file that a path leads to, links followed. Two paths with equal identities are one file.
package struct FileIdentity: Equatable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  private let mode: mode_t

  /// Nil when there is no file at the path.
  package init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// The file that a descriptor is open on; nil when it is not open.
  package init?(descriptor: Int32) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    mode = status.st_mode
  }

  private var kind: mode_t { mode & mode_t(S_IFMT) }
  package var isRegular: Bool { kind == mode_t(S_IFREG) }
  package var isFolder: Bool { kind == mode_t(S_IFDIR) }
  /// True for a pipe, a named pipe, a socket and a character device such as a terminal: bytes that are read from it cannot be read again.
  package var isReadOnce: Bool { [S_IFIFO, S_IFSOCK, S_IFCHR].contains { kind == mode_t($0) } }

  package static func == (a: FileIdentity, b: FileIdentity) -> Bool { a.device == b.device && a.inode == b.inode }
}

/// The size of a file in bytes.
///
/// - Throws: A failure of the kind `notFound` or `unreadable`.
package func fileSize(of path: String) throws(FileFailure) -> Int {
  var status = stat()
  guard unsafe stat(path, &status) == 0 else { throw .reading(path) }
  return Int(status.st_size)
}
