/// Reads a whole file. Its size need not be known before, so files of `/proc` can be read too.
///
/// - Parameters:
///   - path: The file.
///   - limit: The largest number of bytes to read.
/// - Returns: The content, up to the limit.
/// - Throws: A failure of the kind `notFound` or `unreadable`.
package func wholeFile(_ path: String, limit: Int = 1 << 20) throws(FileFailure) -> [UInt8] {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .reading(path) }
  defer { close(descriptor) }
  return try wholeFile(name: path, limit: limit) { buffer, count, _ in unsafe read(descriptor, &buffer, count) }
}

/// Reads an open file from the descriptor's present position, which stays as it is, to its end.
///
/// - Parameters:
///   - descriptor: The file. It stays open.
///   - name: The name in error messages.
///   - limit: The largest number of bytes to read.
/// - Returns: The content, up to the limit.
/// - Throws: A failure of the kind `unreadable`, also for a pipe.
package func wholeFile(descriptor: Int32, name: String, limit: Int = .max) throws(FileFailure) -> [UInt8] {
  let start = lseek(descriptor, 0, SEEK_CUR)
  return try wholeFile(name: name, limit: limit) { buffer, count, offset in
    unsafe pread(descriptor, &buffer, count, start + off_t(offset))
  }
}

/// Reads through `part`, which fills a buffer with at most `count` bytes from `offset` on, and returns the same values as `read`.
private func wholeFile(
  name: String, limit: Int, _ part: (_ buffer: inout [UInt8], _ count: Int, _ offset: Int) -> Int
) throws(FileFailure) -> [UInt8] {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 14)
  while bytes.count < limit {
    let count = part(&buffer, min(buffer.count, limit - bytes.count), bytes.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { throw .reading(name) }
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return bytes
}
