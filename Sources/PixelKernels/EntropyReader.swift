/// Bits of entropy-coded bytes, from the highest on.
struct EntropyReader {
  let bytes: UnsafePointer<UInt8>
  var bits: UInt64
  /// At most 63.
  var count: UInt64
  var position: Int

  @inline(__always)
  init(_ bytes: UnsafePointer<UInt8>, _ state: UnsafePointer<UInt64>) {
    self.bytes = bytes
    bits = state[EntropyState.bits]
    count = state[EntropyState.bitCount]
    position = Int(truncatingIfNeeded: state[EntropyState.position])
  }

  @inline(__always)
  func store(_ state: UnsafeMutablePointer<UInt64>) {
    state[EntropyState.bits] = bits
    state[EntropyState.bitCount] = count
    state[EntropyState.position] = UInt64(truncatingIfNeeded: position)
  }

  /// True when more bits were taken than `end` bytes have.
  @inline(__always)
  func isBeyond(_ end: Int) -> Bool { position &* 8 &- Int(truncatingIfNeeded: count) > end &* 8 }

  /// Makes at least 56 bits available.
  @inline(__always)
  mutating func refill() {
    let word = UInt64(bigEndian: UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self))
    bits |= word &>> count
    position &+= Int(truncatingIfNeeded: (63 &- count) &>> 3)
    count |= 56
  }

  @inline(__always)
  func entry(_ table: UnsafePointer<UInt64>) -> UInt64 {
    table[Int(truncatingIfNeeded: bits &>> UInt64(64 &- HuffmanTable.indexBits))]
  }

  /// The entry of a table for a refinement.
  @inline(__always)
  func refinementEntry(_ table: UnsafePointer<UInt64>) -> UInt64 {
    let index = Int(truncatingIfNeeded: bits &>> UInt64(64 &- HuffmanTable.indexBits))
    return UInt64(UnsafeRawPointer(table).load(fromByteOffset: index &* 4, as: UInt32.self))
  }

  @inline(__always)
  mutating func skip(_ length: UInt64) {
    bits &<<= length
    count &-= length
  }

  /// The symbol of an entry that is slow, after its code was skipped; negative if there is no such code.
  @inline(__always)
  mutating func slowSymbol(_ entry: UInt64, _ table: UnsafePointer<UInt64>) -> Int {
    if entry & 0x3F != 0 {
      skip(entry & 0x3F)
      return Int(truncatingIfNeeded: entry &>> 8 & 0xFF)
    }
    let code = bits &>> 48
    var k = 0
    while k < HuffmanTable.longerCodes {
      if code < table[HuffmanTable.limits &+ k] {
        let length = HuffmanTable.indexBits &+ 1 &+ k
        let index =
          Int(truncatingIfNeeded: code &>> UInt64(truncatingIfNeeded: 16 &- length))
          &+ Int(truncatingIfNeeded: table[HuffmanTable.offsets &+ k])
        skip(UInt64(truncatingIfNeeded: length))
        return Int(truncatingIfNeeded: table[HuffmanTable.symbols &+ (index & 0xFF)] & 0xFF)
      }
      k &+= 1
    }
    return -1
  }

  /// The number that `size` extra bits stand for, 0 to 15 of them (T.81 F.2.2.1, EXTEND).
  @inline(__always)
  mutating func number(_ size: Int) -> Int {
    guard size > 0 else { return 0 }
    let raw = Int(truncatingIfNeeded: bits &>> UInt64(truncatingIfNeeded: 64 &- size))
    skip(UInt64(truncatingIfNeeded: size))
    return raw < 1 &<< (size &- 1) ? raw &- (1 &<< size) &+ 1 : raw
  }

  /// The next `length` bits, 1 to 15 of them.
  @inline(__always)
  mutating func take(_ length: Int) -> Int {
    let value = Int(truncatingIfNeeded: bits &>> UInt64(truncatingIfNeeded: 64 &- length))
    skip(UInt64(truncatingIfNeeded: length))
    return value
  }
}

@inline(__always)
func isWithinBounds(_ value: Int, _ table: UnsafePointer<UInt64>, _ index: Int) -> Bool {
  let bound = Int(truncatingIfNeeded: table[HuffmanTable.bounds &+ index])
  return value <= bound && value >= 0 &- bound
}
