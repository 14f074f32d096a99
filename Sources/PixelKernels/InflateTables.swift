// The decode tables of a block (RFC 1951). Decoding is a chain of dependent steps (mask, load, shift), with a branch that is
// mispredicted where literals end. In filtered photographs the most frequent bytes have codewords of four bits, so an entry holds up to
// three literals, or up to two and the match length after them.

/// The layout of the decode tables of one block, which are one array of 32-bit entries.
///
/// A litlen entry is found by the next ``litlenBits`` bits. With 1 to 3 literals:
///
///     31 … 24     23 … 16     15 … 8    7 … 6   5 … 0
///     literal 3   literal 2   literal   count   bits to consume
///
/// With 0 to 2 literals and a match length, whose extra bits (up to 5) are the last of the bits to consume:
///
///     31 … 24     23 … 16   15 … 11                   10 … 9   8   7 … 6   5 … 0
///     literal 2   literal   symbol of the length-257  count    0   0       bits to consume
///
/// For anything else. A codeword that is longer than the index continues in a subtable, which is indexed by the bits after the index:
///
///     31 … 16           15 … 12                11        10         9              8   7 … 6   5 … 0
///     subtable: start   subtable: index bits   invalid   subtable   end of block   1   0       bits to consume
///
/// An offset entry is found by the next ``offsetBits`` bits:
///
///     31 … 16           15 … 12                11        10         5 … 0
///     offset            bits of the codeword   0         0          bits to consume, with extra bits, which are the last ones
///     subtable: start   subtable: index bits   invalid   subtable   bits to consume
public enum InflateTables {
  /// The index bits of the litlen table.
  public static let litlenBits = 12
  /// The index bits of the offset table.
  public static let offsetBits = 9
  /// The index bits of the precode's table, which are the bits of its longest codeword.
  public static let precodeBits = 7
  /// Entries of the precode's table.
  public static let precodeEntries = 1 << precodeBits
  /// In a litlen entry, the number of literals if it has no match length.
  static let literalCountMask: UInt32 = 0xC0
  /// Marks a litlen entry that has neither literals nor a match length.
  static let exceptionalFlag: UInt32 = 1 << 8
  static let endOfBlockFlag: UInt32 = 1 << 9
  static let subtableFlag: UInt32 = 1 << 10
  static let invalidFlag: UInt32 = 1 << 11

  /// The first entry of litlen subtables. Complete codes of 288 symbols with up to 15 bits have at most 284 entries there
  /// (zlib, examples/enough.c).
  static let litlenSubtables = 1 << litlenBits
  /// The first entry of the offset table.
  static let offsets = litlenSubtables + 320
  /// The first entry of offset subtables, of which there are at most 82 (zlib, examples/enough.c).
  static let offsetSubtables = offsets + (1 << offsetBits)
  /// The number of entries.
  public static let entries = offsetSubtables + 128
  /// Words of scratch memory for the two functions that make the tables: a code, and an entry for each of its symbols.
  public static let scratchWords = CanonicalCode.scratchWords + litlenScratchWords
  /// Words for the entries of 288 symbols, and two words for each length up to 15 bits: the index after its literals, and the index of its
  /// first match length.
  fileprivate static let litlenScratchWords = 288 + 2 * 16
}

extension InflateTables {
  /// True if the next symbol is a literal.
  ///
  /// - Parameters:
  ///   - tables: The tables of the block.
  ///   - bits: The next bits, at least 15, the first one lowest.
  public static func beginsWithLiteral(_ tables: UnsafePointer<UInt32>, bits: UInt64) -> Bool {
    var entry = tables[Int(truncatingIfNeeded: bits & (1 &<< UInt64(litlenBits) &- 1))]
    if entry & literalCountMask == 0, entry & exceptionalFlag != 0, entry & subtableFlag != 0 {
      let index = bits &>> UInt64(litlenBits) & (1 &<< UInt64(entry &>> 12 & 15) &- 1)
      entry = tables[Int(truncatingIfNeeded: entry &>> 16) &+ Int(truncatingIfNeeded: index)]
    }
    return entry & literalCountMask != 0 || entry & exceptionalFlag == 0 && entry &>> 9 & 3 != 0
  }
}

/// A match length whose litlen symbol is `symbol` + 257: its base, and the number of extra bits (RFC 1951, 3.2.5).
@inline(__always)
public func matchLength(_ symbol: Int) -> (base: Int, extraBits: Int) {
  if symbol < 8 { return (symbol &+ 3, 0) }
  if symbol == 28 { return (258, 0) }
  let extraBits = lengthExtraBits(symbol)
  return ((4 &+ (symbol & 3)) &<< extraBits &+ 3, extraBits)
}

/// The offset whose symbol is `symbol`: its base, and the number of extra bits (RFC 1951, 3.2.5).
@inline(__always)
private func matchOffset(_ symbol: Int) -> (base: Int, extraBits: Int) {
  if symbol < 4 { return (symbol &+ 1, 0) }
  let extraBits = offsetExtraBits(symbol)
  return ((2 &+ (symbol & 1)) &<< extraBits &+ 1, extraBits)
}

/// The entry of one litlen symbol.
@inline(__always)
private func litlenEntry(_ symbol: Int, _ bits: Int) -> UInt32 {
  if symbol < 256 { return UInt32(truncatingIfNeeded: symbol &<< 8 | 1 &<< 6 | bits) }
  if symbol == 256 {
    return InflateTables.exceptionalFlag | InflateTables.endOfBlockFlag | UInt32(truncatingIfNeeded: bits)
  }
  // The fixed code has two symbols more than the format.
  if symbol > 285 {
    return InflateTables.exceptionalFlag | InflateTables.invalidFlag | UInt32(truncatingIfNeeded: bits)
  }
  return UInt32(truncatingIfNeeded: (symbol &- 257) &<< 11 | (bits &+ matchLength(symbol &- 257).extraBits))
}

/// The entry of one offset symbol.
@inline(__always)
private func offsetEntry(_ symbol: Int, _ bits: Int) -> UInt32 {
  if symbol > 29 { return InflateTables.invalidFlag | UInt32(truncatingIfNeeded: bits) }
  let (base, extraBits) = matchOffset(symbol)
  return UInt32(truncatingIfNeeded: base &<< 16 | bits &<< 12 | (bits &+ extraBits))
}

/// Appends a copy of the first `count` entries of a table to them, so that the table has one index bit more.
@inline(__always)
private func duplicate(_ table: UnsafeMutablePointer<UInt32>, _ count: Int) {
  var k = 0
  if count < 8 {
    while k < count {
      table[count &+ k] = table[k]
      k &+= 1
    }
    return
  }
  while k < count {
    let entries = UnsafeRawPointer(table + k).loadUnaligned(as: SIMD8<UInt32>.self)
    UnsafeMutableRawPointer(table + count + k).storeBytes(of: entries, as: SIMD8<UInt32>.self)
    k &+= 8
  }
}

/// Makes the subtables of codewords that are longer than the index of their table.
///
/// - Parameters:
///   - tables: All tables of the block.
///   - table: The first entry of the table.
///   - first: The first entry of its subtables.
///   - flags: The flags of an entry that continues in a subtable.
///   - entry: The entry of a symbol, from the bits of its codeword after the index.
@inline(__always)
private func makeSubtables(
  _ code: CanonicalCode, _ tables: UnsafeMutablePointer<UInt32>, table: Int, indexBits: Int, first: Int, flags: UInt32,
  entry: (_ symbol: Int, _ bits: Int) -> UInt32
) {
  let indexMask = 1 &<< indexBits &- 1
  var start = first
  var k = code.end(indexBits)
  while k < code.count {
    // Codewords with the same prefix are neighbors, and the last of them is the longest.
    let prefix = code.codeword(k) & indexMask
    var end = k
    while end < code.count, code.codeword(end) & indexMask == prefix { end &+= 1 }
    var longest = indexBits &+ 1
    while code.end(longest) < end { longest &+= 1 }
    let bits = longest &- indexBits
    tables[table &+ prefix] = flags | UInt32(truncatingIfNeeded: start &<< 16 | bits &<< 12 | indexBits)
    var length = indexBits &+ 1
    while k < end {
      while code.end(length) <= k { length &+= 1 }
      let value = entry(code.symbol(k), length &- indexBits)
      var index = code.codeword(k) &>> indexBits
      while index < 1 &<< bits {
        tables[start &+ index] = value
        index &+= 1 &<< (length &- indexBits)
      }
      k &+= 1
    }
    start &+= 1 &<< bits
  }
}

/// Makes the decode table of the precode: bits 0…3 of an entry are the bits of the codeword, the others its symbol.
///
/// - Parameters:
///   - lengths: For each of 19 symbols the bits of its codeword, 0 to 7.
///   - table: Room for ``InflateTables/precodeEntries``.
///   - scratch: ``InflateTables/scratchWords`` words.
/// - Returns: False if the lengths make no complete code. zlib accepts a code without symbols here, and reads zeros with it.
public func makePrecodeTable(
  lengths: UnsafePointer<UInt8>, table: UnsafeMutablePointer<UInt32>, scratch: UnsafeMutablePointer<UInt32>
) -> Bool {
  guard let code = CanonicalCode(lengths: lengths, count: 19, scratch: scratch), code.count != 1 else { return false }
  var index = 0
  while index < InflateTables.precodeEntries {
    table[index] = 1
    index &+= 1
  }
  var length = 1
  var k = 0
  while k < code.count {
    while code.end(length) <= k { length &+= 1 }
    index = code.codeword(k)
    while index < InflateTables.precodeEntries {
      table[index] = UInt32(truncatingIfNeeded: code.symbol(k) &<< 4 | length)
      index &+= 1 &<< length
    }
    k &+= 1
  }
  return true
}

/// A litlen code, and the places of its literals and match lengths.
private struct LitlenCode {
  let code: CanonicalCode
  /// For each length of codewords, the index after its literals.
  let literalEnds: UnsafeMutablePointer<UInt32>
  /// For each length of codewords, the index of its first match length.
  let lengthStarts: UnsafeMutablePointer<UInt32>
  /// The entry of each symbol alone.
  let entries: UnsafeMutablePointer<UInt32>

  @inline(__always)
  init?(lengths: UnsafePointer<UInt8>, count: Int, scratch: UnsafeMutablePointer<UInt32>) {
    guard let code = CanonicalCode(lengths: lengths, count: count, scratch: scratch) else { return nil }
    self.code = code
    literalEnds = scratch + CanonicalCode.scratchWords
    lengthStarts = literalEnds + 16
    entries = lengthStarts + 16
    var length = 1
    while length <= CanonicalCode.longest {
      var k = code.start(length)
      let end = code.end(length)
      while k < end, code.symbol(k) < 256 { k &+= 1 }
      literalEnds[length] = UInt32(truncatingIfNeeded: k)
      if k < end, code.symbol(k) == 256 { k &+= 1 }
      lengthStarts[length] = UInt32(truncatingIfNeeded: k)
      length &+= 1
    }
  }

  /// The last symbols of a sequence, if their codewords have one length: literals and match lengths.
  struct LastSymbols {
    let literals: Range<Int>
    let matchLengths: Range<Int>
    @inline(__always)
    var isEmpty: Bool { literals.isEmpty && matchLengths.isEmpty }
  }

  @inline(__always)
  func literalEnd(_ length: Int) -> Int { Int(truncatingIfNeeded: literalEnds[length]) }

  @inline(__always)
  func lastSymbols(_ length: Int) -> LastSymbols {
    LastSymbols(
      literals: Range(uncheckedBounds: (code.start(length), literalEnd(length))),
      matchLengths: Range(uncheckedBounds: (Int(truncatingIfNeeded: lengthStarts[length]), code.end(length))))
  }

  /// Adds the entries of all sequences that begin with the same literals and end with one of `last`.
  ///
  /// - Parameters:
  ///   - table: The entry whose index consists of the codewords of the first literals.
  ///   - literals: The first literals, the first one lowest.
  ///   - literalCount: The number of literals.
  ///   - literalBits: The bits of their codewords.
  ///   - bits: The bits of the whole sequence.
  @inline(__always)
  func addSequences(
    endingWith last: LastSymbols, _ table: UnsafeMutablePointer<UInt32>, literals: UInt32, literalCount: UInt32,
    literalBits: Int, bits: Int
  ) {
    let place = UInt32(truncatingIfNeeded: literalCount &* 8 &+ 8)
    let withLiteral = literals &<< 8 | (literalCount &+ 1) &<< 6 | UInt32(truncatingIfNeeded: bits)
    var k = last.literals.lowerBound
    while k < last.literals.upperBound {
      table[code.codeword(k) &<< literalBits] = withLiteral | UInt32(truncatingIfNeeded: code.symbol(k)) &<< place
      k &+= 1
    }
    let withLength = literals &<< 16 | literalCount &<< 9 | UInt32(truncatingIfNeeded: literalBits)
    k = last.matchLengths.lowerBound
    while k < last.matchLengths.upperBound {
      let entry = entries[k]
      if entry & InflateTables.exceptionalFlag == 0 {
        table[code.codeword(k) &<< literalBits] = entry &+ withLength
      }
      k &+= 1
    }
  }
}

/// Makes the decode table of the litlen symbols of a block.
///
/// - Parameters:
///   - lengths: For each symbol the bits of its codeword, 0 to 15.
///   - count: The number of symbols, up to 288.
///   - tables: Room for ``InflateTables/entries``.
///   - scratch: ``InflateTables/scratchWords`` words.
/// - Returns: False if the lengths make no code that zlib accepts.
public func makeLitlenTable(
  lengths: UnsafePointer<UInt8>, count: Int, tables: UnsafeMutablePointer<UInt32>,
  scratch: UnsafeMutablePointer<UInt32>
) -> Bool {
  guard let litlens = LitlenCode(lengths: lengths, count: count, scratch: scratch) else { return false }
  let code = litlens.code
  let indexBits = InflateTables.litlenBits
  var shortest = 1
  while shortest < indexBits, code.end(shortest) == 0 { shortest &+= 1 }
  var k = 0
  while k < 1 &<< shortest {
    tables[k] = InflateTables.exceptionalFlag | InflateTables.invalidFlag | 1
    k &+= 1
  }
  // The table with one index bit more is the last table twice, and the entries that consume all of its bits.
  var bits = shortest
  while bits <= indexBits {
    if bits > shortest { duplicate(tables, 1 &<< (bits &- 1)) }
    k = code.start(bits)
    while k < code.end(bits) {
      let entry = litlenEntry(code.symbol(k), bits)
      litlens.entries[k] = entry
      tables[code.codeword(k)] = entry
      k &+= 1
    }
    // Sequences of two and of three symbols: literals, the last of which may be a match length instead.
    var firstBits = shortest
    while firstBits <= bits &- shortest {
      let last = litlens.lastSymbols(bits &- firstBits)
      let end = litlens.literalEnd(firstBits)
      var i = code.start(firstBits)
      while i < end {
        litlens.addSequences(
          endingWith: last, tables + code.codeword(i), literals: UInt32(truncatingIfNeeded: code.symbol(i)),
          literalCount: 1, literalBits: firstBits, bits: bits)
        i &+= 1
      }
      var secondBits = shortest
      while secondBits <= bits &- firstBits &- shortest {
        let last = litlens.lastSymbols(bits &- firstBits &- secondBits)
        let secondEnd = litlens.literalEnd(secondBits)
        i = last.isEmpty ? end : code.start(firstBits)
        while i < end {
          let (codeword, literal) = (code.codeword(i), UInt32(truncatingIfNeeded: code.symbol(i)))
          var j = code.start(secondBits)
          while j < secondEnd {
            litlens.addSequences(
              endingWith: last, tables + (codeword | code.codeword(j) &<< firstBits),
              literals: literal | UInt32(truncatingIfNeeded: code.symbol(j)) &<< 8, literalCount: 2,
              literalBits: firstBits &+ secondBits, bits: bits)
            j &+= 1
          }
          i &+= 1
        }
        secondBits &+= 1
      }
      firstBits &+= 1
    }
    bits &+= 1
  }
  makeSubtables(
    code, tables, table: 0, indexBits: indexBits, first: InflateTables.litlenSubtables,
    flags: InflateTables.exceptionalFlag | InflateTables.subtableFlag, entry: litlenEntry)
  return true
}

/// Makes the decode table of the offset symbols of a block.
///
/// - Parameters:
///   - lengths: For each symbol the bits of its codeword, 0 to 15.
///   - count: The number of symbols, up to 32.
///   - tables: Room for ``InflateTables/entries``.
///   - scratch: ``InflateTables/scratchWords`` words.
/// - Returns: False if the lengths make no code that zlib accepts.
public func makeOffsetTable(
  lengths: UnsafePointer<UInt8>, count: Int, tables: UnsafeMutablePointer<UInt32>,
  scratch: UnsafeMutablePointer<UInt32>
) -> Bool {
  guard let code = CanonicalCode(lengths: lengths, count: count, scratch: scratch) else { return false }
  let indexBits = InflateTables.offsetBits
  let table = tables + InflateTables.offsets
  table[0] = InflateTables.invalidFlag | 1
  table[1] = InflateTables.invalidFlag | 1
  var bits = 1
  while bits <= indexBits {
    if bits > 1 { duplicate(table, 1 &<< (bits &- 1)) }
    var k = code.start(bits)
    while k < code.end(bits) {
      table[code.codeword(k)] = offsetEntry(code.symbol(k), bits)
      k &+= 1
    }
    bits &+= 1
  }
  makeSubtables(
    code, tables, table: InflateTables.offsets, indexBits: indexBits, first: InflateTables.offsetSubtables,
    flags: InflateTables.subtableFlag, entry: offsetEntry)
  return true
}
