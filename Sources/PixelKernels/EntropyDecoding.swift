// Baseline Huffman decoding of JPEG (ITU-T T.81, F.2.2) over whole segments of entropy-coded bytes.
//
// One lookup in a table gives a symbol and its extra bits if they fit its index, and two symbols if both fit. Each lookup depends on the
// one before by a shift, a load and a shift. Stuffing is removed from the bytes beforehand, so that one unaligned load fills the bit
// buffer.

/// The layout of a decoding table of 64-bit entries.
///
/// The entry for the next ``indexBits`` bits holds the first symbol whose code and extra bits are in them, and the second symbol if both
/// are in them:
///
///     63 … 48          47 … 40          39 … 32            31 … 16   15 … 8    5 … 0
///     value (second)   bits (second)    advance (second)   value     advance   bits of both symbols
///
/// `advance` is the distance of the coefficient from the one before it: run + 1, or ``blockEnd`` for the end of the block. If there is no
/// second symbol, its bits and its advance are 0, and its value is that of the first.
///
/// If ``isSlow`` is set, the entry has only the code of the first symbol, because the extra bits do not fit, or because the kernel has to
/// check them. If the code is longer than the index, its bits are 0:
///
///     15 … 8   7   5 … 0
///     symbol   1   bits of the code
///
/// The table of a refinement has no second symbols. Its entries are the lower 32 bits, so that they take half as much of the first-level
/// cache.
public enum HuffmanTable {
  /// The number of bits that index the table.
  public static let indexBits = 11
  /// The number of lookups that the bits of one refill are enough for.
  public static let lookups = 56 / indexBits
  /// Marks entries that have only a code, without extra bits.
  public static let isSlow: UInt64 = 0x80
  /// A number of coefficients to advance by that leads out of any block.
  public static let blockEnd = 64
  /// The number of code lengths above ``indexBits``, up to 16 bits.
  public static let longerCodes = 16 - indexBits
  /// The index of the limits: for each of these lengths, the first 16 bits that are beyond its codes.
  public static let limits = 1 << indexBits
  /// The index of the offsets: for each of these lengths, the number that is added to a code to get the index of its symbol.
  public static let offsets = limits + longerCodes
  /// The index of the symbols, which are in the order of their codes.
  public static let symbols = offsets + longerCodes
  /// The index of the largest magnitudes of coefficients, in natural order; DC tables have only that of the first coefficient. A value in
  /// an entry never exceeds the least of these magnitudes.
  public static let bounds = symbols + 256
  /// Entries of a table.
  public static let entries = bounds + 64
}

/// The state of decoding. It is an array of words, because only pointers cross into this module.
public enum EntropyState {
  /// The bits that were loaded and not used, from the highest on.
  public static let bits = 0
  /// The number of them.
  public static let bitCount = 1
  /// The byte to load next.
  public static let position = 2
  /// Predictions of the DC coefficients, one a component.
  public static let predictions = 3
  /// The number of blocks, from the next one on, whose band has ended (T.81 G.1.2.2).
  public static let endedBands = predictions + 4
  /// Words of a state.
  public static let words = endedBands + 1
}

/// One block of an MCU, in ``EntropyBlock/words`` words.
public enum EntropyBlock {
  /// Its component.
  public static let component = 0
  /// The index of its first coefficient in the first MCU.
  public static let start = 1
  /// The number of coefficients from one MCU to the next.
  public static let step = 2
  /// The index of its DC table among the tables.
  public static let dcTable = 3
  /// The index of its AC table among the tables.
  public static let acTable = 4
  /// Words of a block.
  public static let words = 5
}

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

  /// The number that the next `size` bits represent, 0 to 15 of them (T.81 F.2.2.1, EXTEND).
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

@inline(__always)
private func clearBlock(_ block: UnsafeMutablePointer<Int16>) {
  let words = UnsafeMutableRawPointer(block)
  words.storeBytes(of: .zero, as: SIMD8<UInt64>.self)
  (words + 64).storeBytes(of: .zero, as: SIMD8<UInt64>.self)
}

/// The AC coefficients of a block.
///
/// - Returns: False if the bits are not a block.
@inline(__always)
private func decodeCoefficients(
  _ reader: inout EntropyReader, _ table: UnsafePointer<UInt64>, _ naturalOrder: UnsafePointer<UInt8>,
  _ block: UnsafeMutablePointer<Int16>
) -> Bool {
  var k = 0
  while true {
    reader.refill()
    var left = HuffmanTable.lookups
    var entry = reader.entry(table)
    while entry & HuffmanTable.isSlow == 0 {
      let first = k &+ Int(truncatingIfNeeded: entry &>> 8 & 0xFF)
      let second = first &+ Int(truncatingIfNeeded: entry &>> 32 & 0xFF)
      let value = Int16(truncatingIfNeeded: entry &>> 16)
      let secondValue = Int16(truncatingIfNeeded: entry &>> 48)
      if second >= 63 {
        if first >= 63 {
          // Bits after the last coefficient are the next block's.
          reader.skip(entry & 0x3F &- entry &>> 40 & 0xFF)
          if first == 63 { block[63] = value }
          return first == 63 || entry &>> 8 & 0xFF == UInt64(HuffmanTable.blockEnd)
        }
        reader.skip(entry & 0x3F)
        block[Int(naturalOrder[first])] = value
        if second == 63 { block[63] = secondValue }
        return second == 63 || entry &>> 32 & 0xFF == UInt64(HuffmanTable.blockEnd)
      }
      reader.skip(entry & 0x3F)
      block[Int(naturalOrder[first])] = value
      block[Int(naturalOrder[second])] = secondValue
      k = second
      left &-= 1
      if left == 0 { break }
      entry = reader.entry(table)
    }
    if left == 0 { continue }
    reader.refill()
    let symbol = reader.slowSymbol(entry, table)
    if symbol < 0 { return false }
    let size = symbol & 15
    if size == 0 {
      if symbol != 0xF0 { return true }
      k &+= 16
      if k >= 63 { return k == 63 }
      continue
    }
    k &+= symbol &>> 4 &+ 1
    if k > 63 { return false }
    let index = Int(naturalOrder[k])
    let value = reader.number(size)
    if !isWithinBounds(value, table, index) { return false }
    block[index] = Int16(truncatingIfNeeded: value)
    if k == 63 { return true }
  }
}

/// Decodes MCUs.
///
/// - Parameters:
///   - bytes: `end` entropy-coded bytes without stuffing. Further bytes may be read: 8, and the most that an MCU takes, which is 10 blocks
///     of 64 codes of 31 bits.
///   - limit: No MCU is begun beyond this byte.
///   - state: Laid out as ``EntropyState``.
///   - blocks: The blocks of an MCU, laid out as ``EntropyBlock``.
///   - tables: Decoding tables of ``HuffmanTable/entries`` entries each.
///   - naturalOrder: The natural index of each of 64 zigzag positions.
///   - first: MCUs before this one.
///   - count: MCUs to decode.
///   - coefficients: 64 a block, in natural order.
/// - Returns: MCUs decoded; negative if the bits are no MCU, end within one, or hold a coefficient out of
///   bounds.
public func decodeMCUs(
  bytes: UnsafePointer<UInt8>, end: Int, limit: Int, state: UnsafeMutablePointer<UInt64>, blocks: UnsafePointer<Int>,
  blockCount: Int, tables: UnsafePointer<UInt64>, naturalOrder: UnsafePointer<UInt8>, first: Int, count: Int,
  coefficients: UnsafeMutablePointer<Int16>
) -> Int {
  var reader = EntropyReader(bytes, state)
  let predictions = state + EntropyState.predictions
  var done = 0
  while done < count && reader.position <= limit {
    var k = 0
    while k < blockCount {
      let description = blocks + k &* EntropyBlock.words
      let start = description[EntropyBlock.start] &+ (first &+ done) &* description[EntropyBlock.step]
      let block = coefficients + start
      clearBlock(block)

      reader.refill()
      let dc = tables + description[EntropyBlock.dcTable] &* HuffmanTable.entries
      let entry = reader.entry(dc)
      let difference: Int
      if entry & HuffmanTable.isSlow == 0 {
        reader.skip(entry & 0x3F)
        difference = Int(Int16(truncatingIfNeeded: entry &>> 16))
      } else {
        let size = reader.slowSymbol(entry, dc)
        if size < 0 || size > 15 { return -1 }
        difference = reader.number(size)
      }
      let component = description[EntropyBlock.component]
      let value = Int(truncatingIfNeeded: predictions[component]) &+ difference
      if !isWithinBounds(value, dc, 0) { return -1 }
      predictions[component] = UInt64(truncatingIfNeeded: value)
      block[0] = Int16(truncatingIfNeeded: value)

      let ac = tables + description[EntropyBlock.acTable] &* HuffmanTable.entries
      if !decodeCoefficients(&reader, ac, naturalOrder, block) { return -1 }
      k &+= 1
    }
    if reader.isBeyond(end) { return -1 }
    done &+= 1
  }
  reader.store(state)
  return done
}

/// Copies entropy-coded bytes up to a marker, without the zero after each 0xFF (T.81 B.1.1.5).
///
/// - Parameters:
///   - input: `count` bytes. A last 0xFF is not read, because the byte after it decides whether it begins a marker.
///   - output: Room for `count + 8` bytes.
///   - written: Set to the bytes written.
///   - atMarker: Set to true if the byte after those read begins a marker or fill bytes before one, else to false.
/// - Returns: Bytes read.
public func removeStuffing(
  input: UnsafePointer<UInt8>, count: Int, output: UnsafeMutablePointer<UInt8>, written: UnsafeMutablePointer<Int>,
  atMarker: UnsafeMutablePointer<Bool>
) -> Int {
  var x = 0
  var y = 0
  atMarker.pointee = false
  while x &+ 8 <= count {
    let word = UnsafeRawPointer(input + x).loadUnaligned(as: UInt64.self)
    UnsafeMutableRawPointer(output + y).storeBytes(of: word, as: UInt64.self)
    // Finds the bytes of ones, which are zero in the complement. The lowest set bit is in the first of them.
    let ones = (~word &- 0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080
    if ones == 0 {
      x &+= 8
      y &+= 8
      continue
    }
    let before = UInt64(littleEndian: ones).trailingZeroBitCount &>> 3
    x &+= before
    y &+= before
    if x &+ 1 >= count { break }
    if input[x &+ 1] != 0 {
      atMarker.pointee = true
      break
    }
    x &+= 2
    y &+= 1
  }
  if !atMarker.pointee {
    while x < count {
      if input[x] == 0xFF {
        if x &+ 1 >= count { break }
        if input[x &+ 1] != 0 {
          atMarker.pointee = true
          break
        }
        output[y] = 0xFF
        x &+= 2
        y &+= 1
      } else {
        output[y] = input[x]
        x &+= 1
        y &+= 1
      }
    }
  }
  written.pointee = y
  return x
}
