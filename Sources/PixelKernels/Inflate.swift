// Inflating (RFC 1951): a block's codes become two tables, and its symbols are looked up in them.
//
// What is slow is the chain from one look to the next, a mask, a load and a shift, and the branch that is mispredicted where
// literals end. So an entry holds up to three literals, or up to two and the length behind them: filtered photographs have
// codes of four bits for their usual bytes, so that most looks take two or three symbols.

/// The layout of the tables of one block, 32-bit entries.
///
/// Literals and lengths, looked up by the next ``literalBits`` bits. Bits 0…5 are the bits to go on by; bits 6…7 the number of
/// literals where nothing but literals is told, in bits 8…31. Else, without ``isSpecial``: bits 9…10 are the number of
/// literals, in bits 16…31, before a length whose symbol less 257 is bits 11…15; its extra bits are the last of the bits to go
/// on by. With ``isSpecial`` it is the block's end, the place of a longer code's table (``isLonger``: its index bits in bits
/// 12…15, its offset in bits 16…31), or no code (``isNone``).
///
/// Distances, looked up by the next ``distanceBits`` bits: bits 0…5 are the bits to go on by, 12…15 those of the code, 16…31
/// the distance without its extra bits; ``isLonger`` and ``isNone`` as above.
public enum InflateTables {
  /// Bits that literals and lengths are looked up by.
  public static let literalBits = 12
  /// Bits that distances are looked up by.
  public static let distanceBits = 9
  /// Marks what is neither literals nor a length; never set together with a number of literals.
  public static let isSpecial: UInt32 = 1 << 8
  /// Marks the end of the block.
  public static let isEnd: UInt32 = 1 << 9
  /// Marks codes that need another table.
  public static let isLonger: UInt32 = 1 << 10
  /// Marks what is no code.
  public static let isNone: UInt32 = 1 << 11
  /// Where the tables of longer literal and length codes begin. Complete codes of 288 symbols of up to 15 bits need no more
  /// than 284 entries there (zlib, examples/enough.c).
  public static let longerLiterals = 1 << literalBits
  /// Where distances begin.
  public static let distances = longerLiterals + 320
  /// Where the tables of longer distance codes begin, of at most 82 entries.
  public static let longerDistances = distances + 1 << distanceBits
  /// Entries of both.
  public static let entries = longerDistances + 128
  /// Words of scratch memory that making them takes.
  public static let scratchWords = 1088
  /// Bytes before the input's end at which ``inflateSymbols`` stops, as it loads that far ahead.
  public static let readAhead = 32
  /// Bytes after the output's end that may be written.
  public static let writeAhead = 512
}

/// Where inflating stands; a table of words, because only pointers cross into this module.
public enum InflateState {
  /// The bits that were loaded and not used, from the lowest on; none above them.
  public static let bits = 0
  /// How many of them there are, at most 63.
  public static let bitCount = 1
  /// The byte to load next.
  public static let position = 2
  /// The byte to write next.
  public static let written = 3
  /// Words of a state.
  public static let words = 4
}

/// Why ``inflateSymbols`` returned.
public enum InflateStop {
  /// The input nears its end.
  public static let input = 0
  /// The output is full.
  public static let output = 1
  /// The block ended.
  public static let blockEnd = 2
  /// The bits are no code of a literal or a length.
  public static let noLiteral = 3
  /// The bits are no code of a distance.
  public static let noDistance = 4
  /// A match begins before the first byte.
  public static let tooFar = 5
}

/// A length of which the symbol less 257 is `index`: without extra bits, and how many those are.
@inline(__always)
public func matchLength(_ index: Int) -> (base: Int, extraBits: Int) {
  if index < 8 { return (index &+ 3, 0) }
  if index == 28 { return (258, 0) }
  let extra = lengthExtraBits(index)
  return ((4 &+ index & 3) &<< extra &+ 3, extra)
}

/// A distance of which the symbol is `symbol`: without extra bits, and how many those are.
@inline(__always)
private func matchDistance(_ symbol: Int) -> (base: Int, extraBits: Int) {
  if symbol < 4 { return (symbol &+ 1, 0) }
  let extra = distanceExtraBits(symbol)
  return ((2 &+ symbol & 1) &<< extra &+ 1, extra)
}

@inline(__always)
private func literalEntry(_ symbol: Int, _ length: Int) -> UInt32 {
  if symbol < 256 { return UInt32(truncatingIfNeeded: symbol &<< 8 | 1 &<< 6 | length) }
  if symbol == 256 { return InflateTables.isSpecial | InflateTables.isEnd | UInt32(truncatingIfNeeded: length) }
  if symbol > 285 { return InflateTables.isSpecial | InflateTables.isNone }
  let index = symbol &- 257
  return UInt32(truncatingIfNeeded: index &<< 11 | (length &+ matchLength(index).extraBits))
}

@inline(__always)
private func distanceEntry(_ symbol: Int, _ length: Int) -> UInt32 {
  if symbol > 29 { return InflateTables.isNone }
  let (base, extra) = matchDistance(symbol)
  return UInt32(truncatingIfNeeded: base &<< 16 | length &<< 12 | (length &+ extra))
}

/// Symbols in the order of their codes, and those codes.
private struct Code {
  /// For each length, the index of its first symbol; of 17 lengths.
  let first: UnsafeMutablePointer<UInt32>
  /// For each length, the index behind its literals.
  let literalEnd: UnsafeMutablePointer<UInt32>
  /// For each length, the index of its first length symbol.
  let lengthBegin: UnsafeMutablePointer<UInt32>
  let symbols: UnsafeMutablePointer<UInt32>
  /// Codes as they come from the stream, the first bit lowest.
  let codes: UnsafeMutablePointer<UInt32>
  /// What the table of literals and lengths tells by each alone.
  let entries: UnsafeMutablePointer<UInt32>

  init(scratch: UnsafeMutablePointer<UInt32>) {
    first = scratch
    literalEnd = scratch + 24
    lengthBegin = scratch + 48
    symbols = scratch + 72
    codes = scratch + 72 + 320
    entries = scratch + 72 + 2 * 320
  }

  /// The symbols of one length that a sequence may end with.
  struct Ends {
    let literal, literalEnd, length, lengthEnd: Int
    @inline(__always)
    var isNone: Bool { literal == literalEnd && length == lengthEnd }
  }

  @inline(__always)
  func ends(_ length: Int) -> Ends {
    Ends(
      literal: begin(length), literalEnd: Int(truncatingIfNeeded: literalEnd[length]),
      length: Int(truncatingIfNeeded: lengthBegin[length]), lengthEnd: begin(length &+ 1))
  }

  @inline(__always)
  func begin(_ length: Int) -> Int { Int(truncatingIfNeeded: first[length]) }
  @inline(__always)
  func symbol(_ index: Int) -> Int { Int(truncatingIfNeeded: symbols[index]) }
  @inline(__always)
  func code(_ index: Int) -> Int { Int(truncatingIfNeeded: codes[index]) }

  /// Sorts the symbols and gives each its code (RFC 1951, 3.2.2).
  ///
  /// - Returns: False where there are more codes than bits tell apart, or fewer, but for a single one of one bit or none.
  @inline(__always)
  func sort(_ lengths: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    // The scratch memory's codes hold the next index of each length for now.
    var k = 0
    while k < 17 {
      first[k] = 0
      k &+= 1
    }
    k = 0
    while k < count {
      first[Int(lengths[k]) &+ 1] &+= 1
      k &+= 1
    }
    first[1] = 0
    var left = 1
    var length = 1
    while length < 16 {
      let number = Int(truncatingIfNeeded: first[length &+ 1])
      left = left &* 2 &- number
      if left < 0 { return false }
      first[length &+ 1] = first[length] &+ first[length &+ 1]
      codes[length] = first[length]
      literalEnd[length] = first[length]
      lengthBegin[length] = first[length]
      length &+= 1
    }
    let total = Int(truncatingIfNeeded: first[16])
    if left > 0, total > 1 || total == 1 && first[2] == 0 { return false }
    k = 0
    while k < count {
      let length = Int(lengths[k])
      if length > 0 {
        symbols[Int(truncatingIfNeeded: codes[length])] = UInt32(truncatingIfNeeded: k)
        codes[length] &+= 1
        if k < 256 { literalEnd[length] &+= 1 }
        if k < 257 { lengthBegin[length] &+= 1 }
      }
      k &+= 1
    }
    var code: UInt32 = 0
    length = 1
    k = 0
    while k < total {
      while begin(length &+ 1) <= k { length &+= 1 }
      codes[k] = code
      // Counting up with the first bit lowest: the highest zero becomes one, and what is above it zero.
      let zeros = code ^ (1 &<< UInt32(truncatingIfNeeded: length) &- 1)
      if zeros != 0 {
        let bit = 1 as UInt32 &<< UInt32(truncatingIfNeeded: 31 &- zeros.leadingZeroBitCount)
        code = code & (bit &- 1) | bit
      }
      k &+= 1
    }
    return true
  }
}

/// Repeats the first `count` entries behind them.
@inline(__always)
private func double(_ table: UnsafeMutablePointer<UInt32>, _ count: Int) {
  if count < 8 {
    var k = 0
    while k < count {
      table[count &+ k] = table[k]
      k &+= 1
    }
    return
  }
  var k = 0
  while k < count {
    let entries = UnsafeRawPointer(table + k).loadUnaligned(as: SIMD8<UInt32>.self)
    UnsafeMutableRawPointer(table + count + k).storeBytes(of: entries, as: SIMD8<UInt32>.self)
    k &+= 8
  }
}

/// Makes the table of a block's literals and lengths.
///
/// - Parameters:
///   - lengths: Code lengths of 0 to 15 bits, one a symbol.
///   - count: Of symbols, up to 288.
///   - tables: Room for ``InflateTables/entries``.
///   - scratch: ``InflateTables/scratchWords`` of memory.
/// - Returns: False where the lengths make no code.
public func makeInflateLiterals(
  lengths: UnsafePointer<UInt8>, count: Int, tables: UnsafeMutablePointer<UInt32>,
  scratch: UnsafeMutablePointer<UInt32>
) -> Bool {
  let code = Code(scratch: scratch)
  guard code.sort(lengths, count) else { return false }
  let indexBits = InflateTables.literalBits
  let total = code.begin(16)
  var least = 1
  while least < indexBits, code.begin(least &+ 1) == 0 { least &+= 1 }
  var k = 0
  while k < 1 &<< least {
    tables[k] = InflateTables.isSpecial | InflateTables.isNone
    k &+= 1
  }
  // A table of one bit more is the one before twice, and in it what takes all of its bits.
  var length = least
  while length <= indexBits {
    if length > least { double(tables, 1 &<< (length &- 1)) }
    k = code.begin(length)
    while k < code.begin(length &+ 1) {
      let entry = literalEntry(code.symbol(k), length)
      code.entries[k] = entry
      tables[code.code(k)] = entry
      k &+= 1
    }
    // Sequences of two and three symbols that take as many: literals, or literals and a length.
    var bits = least
    while bits <= length &- least {
      let last = code.ends(length &- bits)
      var i = code.begin(bits)
      let end = Int(truncatingIfNeeded: code.literalEnd[bits])
      while i < end {
        addLast(code, last, tables + code.code(i), bits, code.symbols[i], 1, length)
        i &+= 1
      }
      var second = least
      while second <= length &- bits &- least {
        let last = code.ends(length &- bits &- second)
        let secondEnd = Int(truncatingIfNeeded: code.literalEnd[second])
        i = last.isNone ? end : code.begin(bits)
        while i < end {
          let (first, literal) = (code.code(i), code.symbols[i])
          var j = code.begin(second)
          while j < secondEnd {
            addLast(
              code, last, tables + (first | code.code(j) &<< bits), bits &+ second, literal | code.symbols[j] &<< 8, 2,
              length)
            j &+= 1
          }
          i &+= 1
        }
        second &+= 1
      }
      bits &+= 1
    }
    length &+= 1
  }
  // Codes that begin alike are neighbors; the last of them is the longest.
  var next = InflateTables.longerLiterals
  k = code.begin(indexBits &+ 1)
  while k < total {
    let prefix = code.code(k) & (1 &<< indexBits &- 1)
    var end = k
    while end < total, code.code(end) & (1 &<< indexBits &- 1) == prefix { end &+= 1 }
    var longest = indexBits &+ 1
    while code.begin(longest &+ 1) < end { longest &+= 1 }
    let bits = longest &- indexBits
    tables[prefix] =
      InflateTables.isSpecial | InflateTables.isLonger
      | UInt32(truncatingIfNeeded: next &<< 16 | bits &<< 12 | indexBits)
    var length = indexBits &+ 1
    while k < end {
      while code.begin(length &+ 1) <= k { length &+= 1 }
      let entry = literalEntry(code.symbol(k), length &- indexBits)
      var j = code.code(k) &>> indexBits
      while j < 1 &<< bits {
        tables[next &+ j] = entry
        j &+= 1 &<< (length &- indexBits)
      }
      k &+= 1
    }
    next &+= 1 &<< bits
  }
  return true
}

/// Adds what consists of `number` literals, of `before` bits, and one more symbol.
@inline(__always)
private func addLast(
  _ code: Code, _ last: Code.Ends, _ table: UnsafeMutablePointer<UInt32>, _ before: Int, _ literals: UInt32,
  _ number: UInt32, _ total: Int
) {
  let shift = UInt32(truncatingIfNeeded: number &* 8 &+ 8)
  let withLiteral = literals &<< 8 | (number &+ 1) &<< 6 | UInt32(truncatingIfNeeded: total)
  var k = last.literal
  while k < last.literalEnd {
    table[code.code(k) &<< before] = withLiteral | code.symbols[k] &<< shift
    k &+= 1
  }
  let withLength = literals &<< 16 | number &<< 9 | UInt32(truncatingIfNeeded: before)
  k = last.length
  while k < last.lengthEnd {
    let entry = code.entries[k]
    if entry & InflateTables.isSpecial == 0 { table[code.code(k) &<< before] = entry &+ withLength }
    k &+= 1
  }
}

/// Makes the table of a block's distances.
///
/// - Parameters: As of ``makeInflateLiterals``, of up to 32 symbols.
/// - Returns: False where the lengths make no code.
public func makeInflateDistances(
  lengths: UnsafePointer<UInt8>, count: Int, tables: UnsafeMutablePointer<UInt32>,
  scratch: UnsafeMutablePointer<UInt32>
) -> Bool {
  let code = Code(scratch: scratch)
  guard code.sort(lengths, count) else { return false }
  let indexBits = InflateTables.distanceBits
  let table = tables + InflateTables.distances
  let total = code.begin(16)
  table[0] = InflateTables.isNone
  table[1] = InflateTables.isNone
  var k = 0
  var length = 1
  while length <= indexBits {
    if length > 1 { double(table, 1 &<< (length &- 1)) }
    while k < code.begin(length &+ 1) {
      table[code.code(k)] = distanceEntry(code.symbol(k), length)
      k &+= 1
    }
    length &+= 1
  }
  var next = InflateTables.longerDistances
  while k < total {
    let prefix = code.code(k) & (1 &<< indexBits &- 1)
    var end = k
    while end < total, code.code(end) & (1 &<< indexBits &- 1) == prefix { end &+= 1 }
    var longest = indexBits &+ 1
    while code.begin(longest &+ 1) < end { longest &+= 1 }
    let bits = longest &- indexBits
    table[prefix] = InflateTables.isLonger | UInt32(truncatingIfNeeded: next &<< 16 | bits &<< 12 | indexBits)
    var length = indexBits &+ 1
    while k < end {
      while code.begin(length &+ 1) <= k { length &+= 1 }
      let entry = distanceEntry(code.symbol(k), length &- indexBits)
      var j = code.code(k) &>> indexBits
      while j < 1 &<< bits {
        tables[next &+ j] = entry
        j &+= 1 &<< (length &- indexBits)
      }
      k &+= 1
    }
    next &+= 1 &<< bits
  }
  return true
}

private struct BitReader {
  let input: UnsafePointer<UInt8>
  let tables: UnsafePointer<UInt32>
  /// Above the ones that count, bits of the same bytes that will be loaded again.
  var bits: UInt64
  /// In its lowest six bits.
  var count: UInt64
  var position: Int

  /// Makes at least 56 bits available.
  @inline(__always)
  mutating func refill() {
    let word = UInt64(littleEndian: UnsafeRawPointer(input + position).loadUnaligned(as: UInt64.self))
    bits |= word &<< count
    position &+= Int(truncatingIfNeeded: 7 &- (count &>> 3) & 7)
    count |= 56
  }

  @inline(__always)
  mutating func skip(_ entry: UInt32) {
    bits &>>= UInt64(truncatingIfNeeded: entry)
    count &-= UInt64(truncatingIfNeeded: entry)
  }

  @inline(__always)
  var literals: UInt32 { tables[Int(truncatingIfNeeded: bits & (1 &<< UInt64(InflateTables.literalBits) &- 1))] }

  @inline(__always)
  var distance: UInt32 {
    tables[InflateTables.distances &+ Int(truncatingIfNeeded: bits & (1 &<< UInt64(InflateTables.distanceBits) &- 1))]
  }

  /// The entry of a longer code, whose first bits were skipped.
  @inline(__always)
  func longer(_ entry: UInt32) -> UInt32 {
    tables[Int(truncatingIfNeeded: entry &>> 16) &+ Int(truncatingIfNeeded: lowest(UInt64(entry) &>> 12 & 15))]
  }

  @inline(__always)
  func lowest(_ number: UInt64) -> UInt64 { bits & (1 &<< number &- 1) }
}

@inline(__always)
private func store(_ bytes: UInt32, _ output: UnsafeMutablePointer<UInt8>) {
  UnsafeMutableRawPointer(output).storeBytes(of: bytes.littleEndian, as: UInt32.self)
}

@inline(__always)
private func copy<Bytes: BitwiseCopyable>(
  _ type: Bytes.Type, _ source: UnsafeMutablePointer<UInt8>, _ output: UnsafeMutablePointer<UInt8>
) {
  let bytes = UnsafeRawPointer(source).loadUnaligned(as: type)
  UnsafeMutableRawPointer(output).storeBytes(of: bytes, as: type)
}

/// Repeats `length` bytes from `distance` before `output`, and writes up to 31 more.
@inline(__always)
private func copyMatch(_ output: UnsafeMutablePointer<UInt8>, _ distance: Int, _ length: Int) {
  let source = output - distance
  var k = 0
  if distance >= 32 {
    repeat {
      copy(SIMD32<UInt8>.self, source + k, output + k)
      k &+= 32
    } while k < length
  } else if distance == 1 {
    let bytes = SIMD16<UInt8>(repeating: source[0])
    repeat {
      UnsafeMutableRawPointer(output + k).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
      k &+= 16
    } while k < length
  } else {
    // Eight bytes of which as many are right as the match is far, but never more than eight.
    let step = distance < 8 ? distance : 8
    repeat {
      copy(UInt64.self, source + k, output + k)
      k &+= step
    } while k < length
  }
}

/// Inflates the symbols of a block.
///
/// - Parameters:
///   - input: Compressed bytes; none is read from `inputEnd` on.
///   - inputEnd: Symbols are read while ``InflateTables/readAhead`` bytes before it are left.
///   - output: What was inflated before: all of it, or at least the last 32,768 bytes, and room for
///     ``InflateTables/writeAhead`` bytes behind `outputEnd`.
///   - outputEnd: Where to stop; the last match may go on behind it.
///   - tables: The block's.
///   - state: Where inflating stands (``InflateState``).
/// - Returns: An ``InflateStop``.
public func inflateSymbols(
  input: UnsafePointer<UInt8>, inputEnd: Int, output: UnsafeMutablePointer<UInt8>, outputEnd: Int,
  tables: UnsafePointer<UInt32>, state: UnsafeMutablePointer<UInt64>
) -> Int {
  var reader = BitReader(
    input: input, tables: tables, bits: state[InflateState.bits], count: state[InflateState.bitCount],
    position: Int(truncatingIfNeeded: state[InflateState.position]))
  var written = Int(truncatingIfNeeded: state[InflateState.written])
  let limit = inputEnd &- InflateTables.readAhead
  let onlyLiterals: UInt32 = 0xC0
  var stop = InflateStop.input
  if reader.position <= limit {
    reader.refill()
    var entry = reader.literals
    while reader.position <= limit {
      if written >= outputEnd {
        stop = InflateStop.output
        break
      }
      if entry & onlyLiterals != 0 {
        store(entry &>> 8, output + written)
        written &+= Int(truncatingIfNeeded: entry &>> 6 & 3)
        reader.skip(entry)
        entry = reader.literals
        if entry & onlyLiterals != 0 {
          store(entry &>> 8, output + written)
          written &+= Int(truncatingIfNeeded: entry &>> 6 & 3)
          reader.skip(entry)
          entry = reader.literals
          if entry & onlyLiterals != 0 {
            store(entry &>> 8, output + written)
            written &+= Int(truncatingIfNeeded: entry &>> 6 & 3)
            reader.skip(entry)
            entry = reader.literals
            reader.refill()
            continue
          }
        }
      }
      // At least 32 bits: two looks took no more than 24. A length takes 20 of them at most.
      var before = reader.bits
      if entry & InflateTables.isSpecial != 0 {
        if entry & InflateTables.isNone != 0 {
          stop = InflateStop.noLiteral
          break
        }
        reader.skip(entry)
        if entry & InflateTables.isLonger != 0 {
          entry = reader.longer(entry)
          if entry & onlyLiterals != 0 {
            output[written] = UInt8(truncatingIfNeeded: entry &>> 8)
            written &+= 1
            reader.skip(entry)
            entry = reader.literals
            reader.refill()
            continue
          }
          if entry & (InflateTables.isSpecial | InflateTables.isNone) == InflateTables.isSpecial | InflateTables.isNone
          {
            stop = InflateStop.noLiteral
            break
          }
          before = reader.bits
          reader.skip(entry)
        }
        if entry & InflateTables.isSpecial != 0 {
          stop = InflateStop.blockEnd
          break
        }
      } else {
        reader.skip(entry)
      }
      store(entry &>> 16, output + written)
      written &+= Int(truncatingIfNeeded: entry &>> 9 & 3)
      // Twelve bits are left at least; more come in while this entry does.
      var place = reader.distance
      reader.refill()
      let (base, extra) = matchLength(Int(truncatingIfNeeded: entry &>> 11 & 31))
      let bits = UInt64(truncatingIfNeeded: entry & 63)
      let length =
        base
        &+ Int(truncatingIfNeeded: (before & (1 &<< bits &- 1)) &>> (bits &- UInt64(truncatingIfNeeded: extra)))
      if place & (InflateTables.isLonger | InflateTables.isNone) != 0 {
        if place & InflateTables.isLonger != 0 {
          reader.skip(place)
          place = reader.longer(place)
        }
        if place & InflateTables.isNone != 0 {
          stop = InflateStop.noDistance
          break
        }
      }
      let distance =
        Int(truncatingIfNeeded: place &>> 16)
        &+ Int(truncatingIfNeeded: reader.lowest(UInt64(place & 63)) &>> UInt64(place &>> 12 & 15))
      reader.skip(place)
      entry = reader.literals
      reader.refill()
      if distance > written {
        stop = InflateStop.tooFar
        break
      }
      copyMatch(output + written, distance, length)
      written &+= length
    }
  }
  state[InflateState.bitCount] = reader.count & 63
  state[InflateState.bits] = reader.lowest(reader.count & 63)
  state[InflateState.position] = UInt64(truncatingIfNeeded: reader.position)
  state[InflateState.written] = UInt64(truncatingIfNeeded: written)
  return stop
}
