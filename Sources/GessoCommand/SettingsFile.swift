internal import Ground

/// A small text file that holds settings or a secret.
struct SettingsFile {
  /// The content.
  let bytes: [UInt8]
  /// The content as text without a byte order mark. Bytes that are not valid are replaced, so that they match no setting.
  var text: String { TextEncoding.text(bytes) ?? String(decoding: bytes, as: UTF8.self) }
  /// True when the file belongs to this user and no other user may read or write it.
  let isPrivate: Bool

  /// The largest size in bytes; a settings file is far smaller.
  static let largestSize = 64 * 1024

  /// Reads a regular file of at most 64 KB; nil for anything else.
  init?(path: String) {
    // The file is opened without blocking, so that a pipe with this name does not hang the command.
    let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= Self.largestSize
    else { return nil }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
      count = max(0, unsafe read(descriptor, buffer.baseAddress, buffer.count))
    }
    guard bytes.count == status.st_size else { return nil }
    self.bytes = bytes
    isPrivate = status.st_uid == geteuid() && status.st_mode & 0o077 == 0
  }
}
