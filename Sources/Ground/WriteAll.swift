/// Writes every byte to an open descriptor such as standard output, and continues after partial writes and signals.
///
/// - Parameters:
///   - bytes: The bytes to write.
///   - descriptor: An open descriptor; it stays open.
///   - name: The descriptor's name in error messages.
/// - Throws: A failure of the kind `notWritten`.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(FileFailure) {
  try unsafe bytes.withUnsafeBufferPointer { bytes throws(FileFailure) in
    try unsafe writeAll(UnsafeRawBufferPointer(bytes), to: descriptor, name: name)
  }
}

/// Writes every byte as the function above does, of memory that is no array of bytes.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, name: String) throws(FileFailure) {
  var offset = 0
  while offset < bytes.count {
    // macOS writes no more than 2 GiB at a time.
    let count = unsafe write(descriptor, bytes.baseAddress! + offset, min(bytes.count - offset, 1 << 30))
    if count < 0 {
      if errno == EINTR { continue }
      throw .writing("cannot write \(name)")
    }
    offset += count
  }
}
