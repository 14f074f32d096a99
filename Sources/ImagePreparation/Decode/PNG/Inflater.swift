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
  /// The end of the output buffer. When it is reached, the output is delivered and its last window is moved to the beginning.
  private static let outputEnd = window + 128 * 1024

  private let kernels: KernelTable
  private let tables = AlignedBuffer<UInt32>(count: InflateTables.entries, zeroed: true)
  private let scratch = AlignedBuffer<UInt32>(count: InflateTables.scratchWords, zeroed: true)
  /// The code lengths of the block: first those of litlen symbols, then those of offsets.
  private let lengths = AlignedBuffer<UInt8>(count: 320, zeroed: true)
  private let words = AlignedBuffer<UInt64>(count: InflateState.words, zeroed: false)
  private let input = AlignedBuffer<UInt8>(count: inputBytes + 2 * headerBytes, zeroed: false)
  private let output = AlignedBuffer<UInt8>(count: outputEnd + InflateTables.writeAhead, zeroed: false)
  /// The bit buffer, from the lowest bit on, and its number of bits.
  private var bits: UInt64 = 0
  private var bitCount = 0
  /// The next byte of `input` to load.
  private var position = 0
  /// The number of bytes in `output`.
  private var inflated = 0
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
    let rest = inputCount - position
    unsafe input.base.update(from: input.base + position, count: rest)
    inputStart += position
    (position, inputCount) = (0, rest)
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
    guard position < inputCount else { return nil }
    defer { position += 1 }
    return unsafe input.base[position]
  }

  /// After the stream's end: the number of input bytes up to the end, including those taken since.
  var inputOffset: Int { inputStart + position }

  // MARK: Output

  /// Inflates the next bytes.
  ///
  /// - Parameters:
  ///   - base: A buffer of `count` bytes.
  ///   - count: The number of bytes that are wanted in the buffer.
  ///   - written: The number of bytes in the buffer, which grows up to `count`.
  /// - Returns: The reason why the call returned.
  mutating func read(into base: UnsafeMutablePointer<UInt8>, count: Int, written: inout Int) -> Step {
    while true {
      let part = min(count - written, inflated - delivered)
      unsafe (base + written).update(from: output.base + delivered, count: part)
      written += part
      delivered += part
      if written == count { return .done }
      if case .stopped(let step) = state { return step }
      if inflated >= Self.outputEnd {
        unsafe output.base.update(from: output.base + inflated - Self.window, count: Self.window)
        (inflated, delivered) = (Self.window, Self.window)
      }
      let before = inflated
      if !advance(), inflated == before {
        if isInputComplete { state = .stopped(.needsInput) }
        return .needsInput
      }
    }
  }

  /// Inflates a header, or as many symbols as the input has.
  ///
  /// - Returns: False when more input is needed.
  private mutating func advance() -> Bool {
    switch state {
    case .header:
      guard isInputComplete || inputCount - position >= Self.headerBytes else { return false }
      return readHeader()
    case .stored(let left):
      let part = min(left, inputCount - position, Self.outputEnd - inflated)
      unsafe (output.base + inflated).update(from: input.base + position, count: part)
      inflated += part
      position += part
      if part == left { endBlock() } else { state = .stored(left - part) }
      return part > 0 || part == left
    case .symbols:
      let stop = inflateSymbols()
      return stop == InflateStop.input && isInputComplete ? inflateLast() : didStop(stop)
    case .stopped: return false
    }
  }

  private mutating func inflateSymbols() -> Int {
    unsafe words.base[InflateState.bits] = bits
    unsafe words.base[InflateState.bitCount] = UInt64(bitCount)
    unsafe words.base[InflateState.position] = UInt64(position)
    unsafe words.base[InflateState.written] = UInt64(inflated)
    let stop = unsafe kernels.decoding.inflate_symbols(
      input.base, inputCount, output.base, Self.outputEnd, tables.base, words.base)
    unsafe bits = words.base[InflateState.bits]
    unsafe bitCount = Int(words.base[InflateState.bitCount])
    unsafe position = Int(words.base[InflateState.position])
    unsafe inflated = Int(words.base[InflateState.written])
    return stop
  }

  private mutating func didStop(_ stop: Int) -> Bool {
    switch stop {
    case InflateStop.input: return false
    case InflateStop.output: break
    case InflateStop.blockEnd: endBlock()
    case InflateStop.noLiteral: fail("invalid literal/length code")
    case InflateStop.noDistance: fail("invalid distance code")
    default: fail("invalid distance too far back")
    }
    return true
  }

  private mutating func fail(_ message: String) { state = .stopped(.broken(message)) }

  private mutating func endBlock() {
    state = isLastBlock ? .stopped(.ended) : .header
    if isLastBlock { alignToByte() }
  }

  /// Returns whole unused bytes of the bit buffer to the input.
  private mutating func returnBytes() {
    position -= bitCount / 8
    bitCount %= 8
    bits &= 1 << UInt64(bitCount) - 1
  }

  /// Drops the remaining bits of a partly used byte.
  private mutating func alignToByte() {
    returnBytes()
    (bits, bitCount) = (0, 0)
  }

  // MARK: Block headers

  /// Refills the bit buffer; bits after the input's end may be zeros.
  @inline(__always)
  private mutating func refill() {
    let word = unsafe UInt64(littleEndian: UnsafeRawPointer(input.base + position).loadUnaligned(as: UInt64.self))
    let bytes = (63 - bitCount) / 8
    bits |= (word & (1 << UInt64(bytes * 8) - 1)) << UInt64(bitCount)
    position += bytes
    bitCount += bytes * 8
  }

  @inline(__always)
  private mutating func take(_ count: Int) -> Int {
    let value = bits & (1 << UInt64(count) - 1)
    bits >>= UInt64(count)
    bitCount -= count
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
    guard position * 8 - bitCount <= inputCount * 8 else {
      (position, bits, bitCount) = (inputCount, 0, 0)
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
    let fault = makeTables(literals: 288, distances: 32)
    hasFixedTables = true
    return fault
  }

  private mutating func makeTables(literals: Int, distances: Int) -> String? {
    hasFixedTables = false
    guard unsafe kernels.decoding.make_inflate_literals(lengths.base, literals, tables.base, scratch.base) else {
      return "invalid literal/lengths set"
    }
    guard unsafe kernels.decoding.make_inflate_distances(lengths.base + literals, distances, tables.base, scratch.base)
    else {
      return "invalid distances set"
    }
    return nil
  }

  /// The order of the precode's lengths (RFC 1951, 3.2.7).
  private static let order: [UInt8] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  private mutating func readCodes() -> String? {
    state = .symbols
    let literals = take(5) + 257
    let distances = take(5) + 1
    let told = take(4) + 4
    if literals > 286 || distances > 30 { return "too many length or distance symbols" }
    unsafe lengths.base.update(repeating: 0, count: 19)
    for k in 0..<told {
      if k % 16 == 0 { refill() }
      unsafe lengths.base[Int(Self.order[k])] = UInt8(take(3))
    }
    guard makeLengthTable() else { return "invalid code lengths set" }
    return readLengths(literals: literals, distances: distances)
  }

  /// The index bits of the precode's decode table, which are the largest length of its codes.
  private static let lengthBits = 7

  /// Makes the precode's decode table in the first words of `scratch`. Bits 0…3 of an entry are the length of the code, the others
  /// its symbol.
  ///
  /// - Returns: False if the lengths make no complete code.
  private func makeLengthTable() -> Bool {
    // The code is incremented bit-reversed: in the stream its first bit is the lowest.
    var (code, filled) = (0, 0)
    let size = 1 << Self.lengthBits
    for length in 1...Self.lengthBits {
      for symbol in 0..<19 where unsafe lengths.base[symbol] == UInt8(length) {
        filled += size >> length
        guard filled <= size else { return false }
        for entry in stride(from: code, to: size, by: 1 << length) {
          unsafe scratch.base[entry] = UInt32(symbol << 4 | length)
        }
        let zeros = code ^ ((1 << length) - 1)
        if zeros != 0 {
          let bit = 1 << (Int.bitWidth - 1 - zeros.leadingZeroBitCount)
          code = code & (bit - 1) | bit
        }
      }
    }
    if filled == 0 {
      // zlib accepts a precode without symbols and reads only zeros, so that the end-of-block code is missing.
      for entry in 0..<size { unsafe scratch.base[entry] = 1 }
      return true
    }
    return filled == size
  }

  private mutating func readLengths(literals: Int, distances: Int) -> String? {
    let count = literals + distances
    var k = 0
    while k < count {
      refill()
      let entry = unsafe scratch.base[Int(bits & (1 << UInt64(Self.lengthBits) - 1))]
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
    return makeTables(literals: literals, distances: distances)
  }

  // MARK: End of the input

  /// Inflates symbols one by one, as long as the input has all bits of a symbol.
  ///
  /// - Returns: False when it has not.
  private mutating func inflateLast() -> Bool {
    while inflated < Self.outputEnd {
      while bitCount < 56, position < inputCount {
        unsafe bits |= UInt64(input.base[position]) << UInt64(bitCount)
        position += 1
        bitCount += 8
      }
      var entry = unsafe tables.base[Int(bits & (1 << UInt64(InflateTables.literalBits) - 1))]
      var used = 0
      if entry & 0xC0 == 0, entry & InflateTables.isSpecial != 0, entry & InflateTables.isLonger != 0 {
        used = InflateTables.literalBits
        entry = longer(entry, behind: used)
      }
      let isLiteral = entry & 0xC0 != 0
      if isLiteral || entry & InflateTables.isSpecial == 0 && entry >> 9 & 3 > 0 {
        let literal = UInt8(truncatingIfNeeded: entry >> (isLiteral ? 8 : 16))
        let length = unsafe Int(lengths.base[Int(literal)])
        guard length <= bitCount else { return false }
        _ = take(length)
        unsafe output.base[inflated] = literal
        inflated += 1
        continue
      }
      if entry & InflateTables.isSpecial != 0, entry & InflateTables.isNone != 0 {
        guard bitCount > used else { return false }
        return didStop(InflateStop.noLiteral)
      }
      used += Int(entry & 63)
      guard used <= bitCount else { return false }
      if entry & InflateTables.isSpecial != 0 {
        _ = take(used)
        return didStop(InflateStop.blockEnd)
      }
      let (base, extraBits) = matchLength(Int(entry >> 11 & 31))
      let length = base + Int(bits >> UInt64(used - extraBits) & (1 << UInt64(extraBits) - 1))

      var place = unsafe tables.base[
        InflateTables.distances + Int(bits >> UInt64(used) & (1 << UInt64(InflateTables.distanceBits) - 1))]
      if place & InflateTables.isLonger != 0 {
        used += InflateTables.distanceBits
        place = longer(place, behind: used)
      }
      guard bitCount > used else { return false }
      if place & InflateTables.isNone != 0 { return didStop(InflateStop.noDistance) }
      let extra = bits >> UInt64(used) & (1 << UInt64(place & 63) - 1)
      used += Int(place & 63)
      guard used <= bitCount else { return false }
      let distance = Int(place >> 16) + Int(extra >> UInt64(place >> 12 & 15))
      if distance > inflated { return didStop(InflateStop.tooFar) }
      _ = take(used)
      for _ in 0..<length {
        unsafe output.base[inflated] = output.base[inflated - distance]
        inflated += 1
      }
    }
    return true
  }

  private func longer(_ entry: UInt32, behind used: Int) -> UInt32 {
    let index = Int(bits >> UInt64(used) & (1 << UInt64(entry >> 12 & 15) - 1))
    return unsafe tables.base[Int(entry >> 16) + index]
  }
}
