/// Reads a whole file of any kind that ends, also one whose size is not known before, such as those of `/proc`.
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
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 14)
  while bytes.count < limit {
    let count = unsafe read(descriptor, &buffer, min(buffer.count, limit - bytes.count))
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { throw .reading(path) }
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return bytes
}
