internal import CImageCodecs
internal import Ground

/// Reads the bytes of a source in order, and copies bytes at later places.
@safe
struct ByteReader: ~Copyable {
  private let source: ByteSource
  /// The bytes in memory that are not consumed in the source. There are `count` of them, of which this reader has read `at`.
  private var window: UnsafePointer<UInt8>?
  private var count = 0
  private var at = 0
  /// The offset of the window from the source's first byte.
  private var start = 0

  /// Reads a source from its first byte.
  init(_ source: consuming ByteSource) { self.source = source }

  /// A reader of bytes in memory. The flag of this source cancels that reader too.
  func memory(_ bytes: [UInt8]) throws(ReadFault) -> ByteReader {
    do throws(PreparationError) {
      return ByteReader(try ByteSource(.memory(bytes), cancellation: source.cancellation))
    } catch {
      throw .refused(error)
    }
  }

  /// The source, for a codec that reads it at any place. The codec must not outlive this reader, and nothing may be read through this
  /// reader before.
  var codecSource: OpaquePointer {
    precondition(start == 0, "nothing was read before")
    return unsafe source.pointer
  }

  /// The offset of the next byte from the source's first one.
  var offset: Int { start + at }

  /// The flag of the source.
  var cancellation: CancellationFlag? { source.cancellation }

  /// Throws when the work was canceled. Loops that read many rows at once call it, because reading from memory does not check the flag.
  func checkCanceled() throws(ReadFault) {
    if source.cancellation?.isCanceled == true { throw .canceled }
  }

  /// The next byte.
  mutating func next() throws(ReadFault) -> UInt8 {
    if at == count { try refill() }
    at += 1
    return unsafe window![at - 1]
  }

  /// The next `bytes` bytes as a number, the least significant one first.
  mutating func little(_ bytes: Int) throws(ReadFault) -> Int {
    var value = 0
    for place in 0..<bytes { value |= Int(try next()) << (8 * place) }
    return value
  }

  /// The next `bytes` bytes as a number, the most significant one first. Eight bytes that are too large for `Int` are corrupt.
  mutating func big(_ bytes: Int) throws(ReadFault) -> Int {
    var value: UInt64 = 0
    for _ in 0..<bytes { value = value << 8 | UInt64(try next()) }
    guard let number = Int(exactly: value) else { throw .corrupt("a length of \(value) bytes") }
    return number
  }

  /// Reads the next `wanted` bytes to `output`.
  mutating func read(into output: UnsafeMutablePointer<UInt8>, count wanted: Int) throws(ReadFault) {
    var done = 0
    while done < wanted {
      if at == count { try refill() }
      let part = min(wanted - done, count - at)
      unsafe (output + done).update(from: window! + at, count: part)
      at += part
      done += part
    }
  }

  /// The next `wanted` bytes. Memory is allocated while bytes arrive, so that a wrong length allocates no more memory than there are bytes.
  mutating func bytes(_ wanted: Int) throws(ReadFault) -> [UInt8] {
    let bytes = try bytesThere(wanted)
    guard bytes.count == wanted else { throw .truncated }
    return bytes
  }

  /// The next `wanted` bytes, or as many as there are before the end of the source.
  mutating func bytesThere(_ wanted: Int) throws(ReadFault) -> [UInt8] {
    var bytes: [UInt8] = []
    try append(wanted, to: &bytes)
    return bytes
  }

  /// Appends the next `wanted` bytes, or as many as there are before the end of the source.
  ///
  /// For a file, the memory for all bytes that it has is allocated at once; for a pipe, memory is allocated while bytes arrive.
  mutating func append(_ wanted: Int, to bytes: inout [UInt8]) throws(ReadFault) {
    if wanted > count - at, let end { bytes.reserveCapacity(bytes.count + min(wanted, end - offset)) }
    var left = wanted
    while left > 0 {
      do throws(ReadFault) {
        if at == count { try refill() }
      } catch {
        guard case .truncated = error else { throw error }
        return
      }
      let part = min(left, count - at)
      unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: window! + at, count: part))
      at += part
      left -= part
    }
  }

  /// Leaves out the next `wanted` bytes. Those of a file are not read.
  mutating func skip(_ wanted: Int) throws(ReadFault) {
    if wanted > count - at, unsafe cic_source_pass(source.pointer, UInt64(at) + UInt64(wanted)) {
      start += at + wanted
      (at, count) = (0, 0)
      return
    }
    var left = wanted
    while left > 0 {
      if at == count { try refill() }
      let part = min(left, count - at)
      at += part
      left -= part
    }
  }

  /// A copy of `count` bytes at `offset` from the source's first byte. They stay unread. Nil if the source does not have these bytes, if
  /// they were read already, or if the source is a pipe.
  func copy(at offset: Int, count: Int) -> [UInt8]? {
    guard offset >= start, count >= 0, let end, offset <= end, count <= end - offset else { return nil }
    var isThere = true
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let first = buffer.baseAddress {
        isThere = unsafe cic_source_copy(source.pointer, UInt64(offset - start), first, count)
      }
      initialized = isThere ? count : 0
    }
    return isThere ? bytes : nil
  }

  /// Copies bytes as ``copy(at:count:)`` does, to memory of the caller.
  func copy(at offset: Int, count: Int, to output: UnsafeMutablePointer<UInt8>) -> Bool {
    guard offset >= start, let end, offset <= end, count <= end - offset else { return false }
    return unsafe cic_source_copy(source.pointer, UInt64(offset - start), output, count)
  }

  /// The number of bytes of a file or of memory; nil for a pipe.
  var end: Int? {
    let unread = unsafe cic_source_unread(source.pointer)
    return unread == 0 ? nil : Int(clamping: unread).addingReportingOverflow(start).partialValue
  }

  private mutating func refill() throws(ReadFault) {
    unsafe cic_source_skip(source.pointer, count)
    start += count
    (at, count) = (0, 0)
    let status = unsafe cic_source_peek(source.pointer, 1, &window, &count)
    switch status {
    case .CIC_OK: if count == 0 { throw .truncated }
    case .CIC_CANCELED: throw .canceled
    default: throw .unreadable(unsafe cic_source_system_error(source.pointer))
    }
  }
}
