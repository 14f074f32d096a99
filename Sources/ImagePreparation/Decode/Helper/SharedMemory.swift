internal import CImageCodecs

/// Memory that a helper process can map, by its descriptor.
@safe
struct SharedMemory: ~Copyable {
  let descriptor: Int32

  /// Makes memory without bytes; nil if the system has none, or no descriptor.
  init?() {
    descriptor = cic_memory_create()
    guard descriptor >= 0 else { return nil }
  }

  deinit { cic_memory_close(descriptor) }

  /// Copies all bytes of a source, and freezes them.
  ///
  /// - Parameters:
  ///   - bytes: The source, at its first byte.
  ///   - allow: Called with the number of all bytes so far, before each part is kept. It throws if that number is above the limits.
  /// - Returns: The number of bytes.
  /// - Throws: The errors of reading and of `allow`, or `outOfMemory`.
  func fill(
    from bytes: inout ByteReader, allow: (Int) throws(ReadFault) -> Void
  ) throws(ReadFault) -> Int {
    var count = 0
    while true {
      try bytes.checkCanceled()
      let part = try bytes.bytesThere(1 << 20)
      count += part.count
      try allow(count)
      let isKept = unsafe part.withUnsafeBufferPointer {
        unsafe $0.isEmpty || cic_memory_append(descriptor, $0.baseAddress!, $0.count)
      }
      guard isKept else { throw .outOfMemory }
      if part.count < 1 << 20 { break }
    }
    guard cic_memory_freeze(descriptor) else { throw .outOfMemory }
    return count
  }
}

/// The pixels of a helper process. The process may change them at any time, so they are read once, and no decision depends on them.
@safe
final class SharedPixels {
  let count: Int
  /// The codec's warning; empty for none.
  var warning = ""
  private let base: UnsafeMutablePointer<UInt8>

  /// Sets the size of shared memory, and maps the memory; nil if there is none. The size is then final for both processes.
  init?(_ memory: borrowing SharedMemory, count: Int) {
    guard let mapped = unsafe cic_memory_map(memory.descriptor, count) else { return nil }
    unsafe base = mapped
    self.count = count
  }

  deinit { unsafe cic_memory_unmap(base, count) }

  /// Copies bytes to `output`.
  ///
  /// - Precondition: The bytes are within ``count``.
  func copy(_ range: Range<Int>, to output: UnsafeMutablePointer<UInt8>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    unsafe output.update(from: base + range.lowerBound, count: range.count)
  }
}
