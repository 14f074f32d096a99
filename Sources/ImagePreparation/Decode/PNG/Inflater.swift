internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Inflates a deflate stream (RFC 1951) whose bytes arrive in parts.
///
/// It refuses the streams that zlib refuses, with zlib's messages. Every byte before the fault is delivered.
@safe
struct Inflater: ~Copyable, @unchecked Sendable {
  // Unchecked: no other value uses its buffers.

  /// The reason why ``read(into:count:written:)`` returned.
  enum Step: Equatable {
    /// All requested bytes are there.
    case done
    /// The stream continues after the input, so more input is needed. After ``endInput()`` the stream is truncated.
    case needsInput
    /// The stream is complete.
    case ended
    /// The stream is damaged.
    case broken(String)
  }

  private enum State: Equatable {
    case header
    case stored(Int)
    case symbols
    case stopped(Step)
  }

  /// The least size of ``inputRoom()`` in bytes.
  static let inputBytes = 64 * 1024
  /// More bytes than a block's header takes: 17 bits, 19 lengths of 3 bits, and at most 320 lengths of 14 bits (RFC 1951, 3.2.7).
  private static let headerBytes = 640
  /// The largest match distance.
  private static let window = 32 * 1024
  /// The end of the output buffer. When it is reached, the output is delivered, and the last window of the output is moved to the beginning
  /// of the buffer.
  private static let outputEnd = window + 128 * 1024

  private let kernels: KernelTable
  private let tables = AlignedBuffer<UInt32>(count: InflateTables.entries, zeroed: true)
  private let scratch = AlignedBuffer<UInt32>(count: InflateTables.scratchWords, zeroed: true)
  /// The code lengths of the block: first those of litlen symbols, then those of offsets.
  private let lengths = AlignedBuffer<UInt8>(count: 320, zeroed: true)
  private let input = AlignedBuffer<UInt8>(count: inputBytes + 2 * headerBytes, zeroed: false)
  private let output = AlignedBuffer<UInt8>(count: outputEnd + InflateTables.writeAhead, zeroed: false)
  /// The bit buffer, and the next bytes of `input` to load and of `output` to write.
  private var stream = cpi_inflate_state()
  /// The number of bytes in `input`.
  private var inputCount = 0
  /// The number of bytes of the stream before `input`.
  private var inputStart = 0
  private var isInputComplete = false
  /// The number of bytes of `output` that were delivered.
  private var delivered = 0
  private var state = State.header
  private var isLastBlock = false
  private var hasFixedTables = false

  init(kernels: KernelTable) { self.kernels = kernels }

  // MARK: Input

  /// The buffer for more input, at least ``inputBytes`` large.
  mutating func inputRoom() -> UnsafeMutableBufferPointer<UInt8> {
    returnBytes()
    let rest = inputCount - stream.position
    unsafe input.base.update(from: input.base + stream.position, count: rest)
    inputStart += stream.position
    (stream.position, inputCount) = (0, rest)
    return unsafe UnsafeMutableBufferPointer(start: input.base + rest, count: Self.inputBytes)
  }

  /// Records that `count` bytes were written to ``inputRoom()``.
  mutating func append(_ count: Int) { inputCount += count }

  /// Records that no input will follow.
  mutating func endInput() {
    isInputComplete = true
    unsafe (input.base + inputCount).update(repeating: 0, count: Self.headerBytes)
  }

  /// The next byte of the input after the stream's end; nil if there is none.
  mutating func takeByte() -> UInt8? {
    guard stream.position < inputCount else { return nil }
    defer { stream.position += 1 }
    return unsafe input.base[stream.position]
  }

  /// After the stream's end: the number of input bytes up to the end, and of those that ``takeByte()`` has returned since.
  var inputOffset: Int { inputStart + stream.position }

  // MARK: Output

  /// Inflates the next bytes.
  ///
  /// - Parameters:
  ///   - base: A buffer of `count` bytes.
  ///   - count: The number of bytes that the buffer has to contain.
  ///   - written: The number of bytes in the buffer, which grows up to `count`.
  /// - Returns: The reason why the call returned.
  mutating func read(into base: UnsafeMutablePointer<UInt8>, count: Int, written: inout Int) -> Step {
    while true {
      let part = min(count - written, stream.written - delivered)
      unsafe (base + written).update(from: output.base + delivered, count: part)
      written += part
      delivered += part
      if written == count { return .done }
      if case .stopped(let step) = state { return step }
      if stream.written >= Self.outputEnd {
        unsafe output.base.update(from: output.base + stream.written - Self.window, count: Self.window)
        (stream.written, delivered) = (Self.window, Self.window)
      }
      let before = stream.written
      if !advance(), stream.written == before {
        if isInputComplete { state = .stopped(.needsInput) }
        return .needsInput
      }
    }
  }

  /// Inflates the header of a block, or as many symbols as the input has.
  ///
  /// - Returns: False when more input is needed.
  private mutating func advance() -> Bool {
    switch state {
    case .header:
      guard isInputComplete || inputCount - stream.position >= Self.headerBytes else { return false }
      return readHeader()
    case .stored(let left):
      let part = min(left, inputCount - stream.position, Self.outputEnd - stream.written)
      unsafe (output.base + stream.written).update(from: input.base + stream.position, count: part)
      stream.written += part
      stream.position += part
      if part == left { endBlock() } else { state = .stored(left - part) }
      return part > 0 || part == left
    case .symbols:
      let stop = inflateSymbols(inputEnd: inputCount, outputEnd: Self.outputEnd)
      return stop == .CPI_INFLATE_NEEDS_INPUT && isInputComplete ? inflateTail() : didStop(stop)
    case .stopped: return false
    }
  }

  private mutating func inflateSymbols(inputEnd: Int, outputEnd: Int) -> cpi_inflate_stop {
    unsafe kernels.decoding.inflate_symbols(input.base, inputEnd, output.base, outputEnd, tables.base, &stream)
  }

  private mutating func didStop(_ stop: cpi_inflate_stop) -> Bool {
    switch stop {
    case .CPI_INFLATE_NEEDS_INPUT: return false
    case .CPI_INFLATE_OUTPUT_FULL: break
    case .CPI_INFLATE_END_OF_BLOCK: endBlock()
    case .CPI_INFLATE_INVALID_LITLEN: fail("invalid literal/length code")
    case .CPI_INFLATE_INVALID_OFFSET: fail("invalid distance code")
    case .CPI_INFLATE_OFFSET_TOO_FAR: fail("invalid distance too far back")
    }
    return true
  }

  /// The number of input bits that are not consumed; negative once zeros after the input were consumed.
  private var bitsAvailable: Int { (inputCount - stream.position) * 8 + Int(stream.bits_left) }

  /// Inflates to the end of the input, one iteration of the kernel's loop at a time. The bytes after the input are zeros.
  ///
  /// - Returns: False if the input ends within a symbol. All symbols before it are inflated.
  private mutating func inflateTail() -> Bool {
    while stream.written < Self.outputEnd {
      let start = stream
      var available = bitsAvailable
      let stop = inflateSymbols(inputEnd: inputCount + Self.headerBytes, outputEnd: start.written + 1)
      if bitsAvailable >= 0 {
        guard stop == .CPI_INFLATE_OUTPUT_FULL else { return didStop(stop) }
        continue
      }
      // This iteration consumed zeros after the input. Of its symbols, only the literals at its beginning may be whole.
      var bits = start.bitbuf
      for k in 0..<8 where start.bits_left + UInt64(k) * 8 < 64 {
        bits |= unsafe UInt64(input.base[start.position + k]) << (start.bits_left + UInt64(k) * 8)
      }
      var written = start.written
      while written < stream.written, unsafe InflateTables.beginsWithLiteral(tables.base, bits: bits) {
        let length = unsafe Int(lengths.base[Int(output.base[written])])
        guard length <= available else { break }
        bits >>= UInt64(length)
        available -= length
        written += 1
      }
      stream = cpi_inflate_state(bitbuf: 0, bits_left: 0, position: inputCount, written: written)
      return false
    }
    return true
  }

  private mutating func fail(_ message: String) { state = .stopped(.broken(message)) }

  private mutating func endBlock() {
    state = isLastBlock ? .stopped(.ended) : .header
    if isLastBlock { alignToByte() }
  }

  /// Returns whole bytes of the bit buffer to the input.
  private mutating func returnBytes() {
    stream.position -= Int(stream.bits_left / 8)
    stream.bits_left %= 8
    stream.bitbuf &= 1 << stream.bits_left - 1
  }

  /// Drops the remaining bits of a partly used byte.
  private mutating func alignToByte() {
    returnBytes()
    (stream.bitbuf, stream.bits_left) = (0, 0)
  }

  // MARK: Block headers

  /// Refills the bit buffer; bits after the input's end may be zeros.
  @inline(__always)
  private mutating func refill() {
    let word = unsafe UInt64(
      littleEndian: UnsafeRawPointer(input.base + stream.position).loadUnaligned(as: UInt64.self))
    let bytes = (63 - stream.bits_left) / 8
    stream.bitbuf |= (word & (1 << (bytes * 8) - 1)) << stream.bits_left
    stream.position += Int(bytes)
    stream.bits_left += bytes * 8
  }

  @inline(__always)
  private mutating func take(_ count: Int) -> Int {
    let value = stream.bitbuf & (1 << UInt64(count) - 1)
    stream.bitbuf >>= UInt64(count)
    stream.bits_left -= UInt64(count)
    return Int(value)
  }

  /// Reads a block's header.
  ///
  /// - Returns: False when the header continues after the input.
  private mutating func readHeader() -> Bool {
    refill()
    isLastBlock = take(1) == 1
    let fault: String?
    switch take(2) {
    case 0: fault = readStoredHeader()
    case 1: fault = useFixedCodes()
    case 2: fault = readCodes()
    default: fault = "invalid block type"
    }
    returnBytes()
    guard bitsAvailable >= 0 else {
      (stream.position, stream.bitbuf, stream.bits_left) = (inputCount, 0, 0)
      state = .stopped(.needsInput)
      return false
    }
    if let fault { fail(fault) }
    return true
  }

  private mutating func readStoredHeader() -> String? {
    alignToByte()
    refill()
    let (count, complement) = (take(16), take(16))
    state = .stored(count)
    return count == ~complement & 0xFFFF ? nil : "invalid stored block lengths"
  }

  private mutating func useFixedCodes() -> String? {
    state = .symbols
    if hasFixedTables { return nil }
    for symbol in 0..<320 {
      unsafe lengths.base[symbol] =
        switch symbol {
        case ..<144: 8
        case ..<256: 9
        case ..<280: 7
        case ..<288: 8
        default: 5
        }
    }
    let fault = makeTables(litlenCount: 288, offsetCount: 32)
    hasFixedTables = true
    return fault
  }

  private mutating func makeTables(litlenCount: Int, offsetCount: Int) -> String? {
    hasFixedTables = false
    guard unsafe kernels.decoding.make_litlen_table(lengths.base, litlenCount, tables.base, scratch.base) else {
      return "invalid literal/lengths set"
    }
    guard
      unsafe kernels.decoding.make_offset_table(lengths.base + litlenCount, offsetCount, tables.base, scratch.base)
    else {
      return "invalid distances set"
    }
    return nil
  }

  /// The order of the precode's lengths (RFC 1951, 3.2.7).
  private static let order: [UInt8] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
  private static let precodeSymbols = 19

  private mutating func readCodes() -> String? {
    state = .symbols
    let litlenCount = take(5) + 257
    let offsetCount = take(5) + 1
    let precodeCount = take(4) + 4
    if litlenCount > 286 || offsetCount > 30 { return "too many length or distance symbols" }
    unsafe lengths.base.update(repeating: 0, count: Self.precodeSymbols)
    for k in 0..<precodeCount {
      if k % 16 == 0 { refill() }
      unsafe lengths.base[Int(Self.order[k])] = UInt8(take(3))
    }
    // The tables of the block before are not needed any more, so the precode's table takes their place.
    guard unsafe makePrecodeTable(lengths: lengths.base, table: tables.base, scratch: scratch.base) else {
      return "invalid code lengths set"
    }
    hasFixedTables = false
    return readLengths(litlenCount: litlenCount, offsetCount: offsetCount)
  }

  private mutating func readLengths(litlenCount: Int, offsetCount: Int) -> String? {
    let count = litlenCount + offsetCount
    var k = 0
    while k < count {
      refill()
      let entry = unsafe tables.base[Int(stream.bitbuf & (1 << UInt64(InflateTables.precodeBits) - 1))]
      _ = take(Int(entry & 15))
      let symbol = UInt8(entry >> 4)
      var (times, length) = (1, symbol)
      switch symbol {
      case 16:
        if k == 0 { return "invalid bit length repeat" }
        (times, length) = unsafe (3 + take(2), lengths.base[k - 1])
      case 17: (times, length) = (3 + take(3), 0)
      case 18: (times, length) = (11 + take(7), 0)
      default: break
      }
      if k + times > count { return "invalid bit length repeat" }
      for _ in 0..<times {
        unsafe lengths.base[k] = length
        k += 1
      }
    }
    if unsafe lengths.base[256] == 0 { return "invalid code -- missing end-of-block" }
    return makeTables(litlenCount: litlenCount, offsetCount: offsetCount)
  }
}
