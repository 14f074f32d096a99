@inline(__always)
private func load64(_ p: UnsafePointer<UInt8>) -> UInt64 {
  UInt64(littleEndian: UnsafeRawPointer(p).loadUnaligned(as: UInt64.self))
}

/// The hash of the six low bytes.
@inline(__always)
private func hash(_ bytes: UInt64) -> Int {
  Int(truncatingIfNeeded: (bytes &<< 16 &* 0x9E37_79B9_7F4A_7C15) &>> 49)
}

@inline(__always)
private func hash(_ p: UnsafePointer<UInt8>) -> Int { hash(load64(p)) }

private struct Match {
  var length = 0
  var offset = 0
  /// Bits saved.
  var gain = 0
}

/// The input and the tables of a match finder.
private struct Finder {
  let input: UnsafePointer<UInt8>
  let position: Int
  let end: Int
  let table: UnsafeMutablePointer<UInt32>
  let ways: Int
  let bits: UnsafePointer<UInt8>

  @inline(__always)
  func insert(_ x: Int) {
    let bucket = table + hash(input + x) &* ways
    var k = ways &- 1
    while k > 0 {
      bucket[k] = bucket[k &- 1]
      k &-= 1
    }
    bucket[0] = UInt32(truncatingIfNeeded: position &+ x)
  }

  /// Replaces `best` by the match of `offset` at `x`, if that is longer than 3 and saves more bits.
  @inline(__always)
  func consider(_ x: Int, _ offset: Int, _ best: inout Match) {
    let candidate = input + (x &- offset)
    let here = input + x
    var difference = load64(here) ^ load64(candidate)
    guard difference & 0xFFFF_FFFF == 0 else { return }
    let longest = min(258, end &- x)
    var length = 0
    while difference == 0 {
      length &+= 8
      if length >= longest { break }
      difference = load64(here + length) ^ load64(candidate + length)
    }
    if difference != 0 { length &+= difference.trailingZeroBitCount &>> 3 }
    length = min(length, longest)
    guard length > 3 else { return }
    var saved = 0
    var k = 0
    // Only the bits of the first 32 literals are added up exactly, because a longer match saves bits in any case.
    while k < min(length, 32) {
      saved &+= Int(bits[Int(here[k])])
      k &+= 1
    }
    saved &+= length &- k
    let symbol = lengthSymbol(length)
    let offsetAt = offsetSymbol(offset)
    saved &-= Int(bits[DeflateTables.firstLength &+ symbol]) &+ lengthExtraBits(symbol)
    saved &-= Int(bits[DeflateTables.offsets &+ offsetAt]) &+ offsetExtraBits(offsetAt)
    if saved > best.gain { best = Match(length: length, offset: offset, gain: saved) }
  }

  /// Finds the first byte from `x` on, below `limit`, whose only candidate begins with the same four bytes. Inserts the bytes before it.
  ///
  /// Most bytes of a filtered photograph have no such candidate, and a processor cannot predict whether a candidate is within reach. So one
  /// branch tests both conditions. For this, a candidate out of reach is replaced by the byte itself, which may always be read.
  @inline(__always)
  func skip(from x: Int, to limit: Int) -> Int {
    var x = x
    while x < limit {
      let here = load64(input + x)
      let entry = table + hash(here)
      let number = UInt32(truncatingIfNeeded: position &+ x)
      let before = Int(number &- entry.pointee) &- 1
      let outOfReach = (before | (min(DeflateTables.window, x) &- 1 &- before)) &>> 63
      let candidate = load64(input + (x &- ((before &+ 1) & ~outOfReach)))
      guard UInt32(truncatingIfNeeded: here ^ candidate | UInt64(bitPattern: Int64(outOfReach))) != 0 else { break }
      entry.pointee = number
      x &+= 1
    }
    return x
  }

  @inline(__always)
  func find(_ x: Int) -> Match {
    var best = Match()
    let bucket = table + hash(input + x) &* ways
    var k = 0
    while k < ways {
      let offset = Int(UInt32(truncatingIfNeeded: position &+ x) &- bucket[k])
      if offset &- 1 < DeflateTables.window && offset > 0 && offset <= x { consider(x, offset, &best) }
      k &+= 1
    }
    return best
  }
}

/// Finds the matches of a block, with one candidate a byte.
///
/// - Parameters:
///   - input: The bytes, and before `start` those that matches may reach back to. ``DeflateTables/readAhead`` bytes after
///     `end` are read and may hold anything.
///   - start: The index at which the block begins.
///   - end: The index at which it ends at the latest.
///   - position: The number of `input[0]`, counted from ``DeflateTables/window`` + 1, so that 0 in the table is out of reach.
///   - table: 2^``DeflateTables/hashBits`` positions.
///   - bits: The estimated bits of each symbol; never 0 for a symbol that may occur.
///   - budget: Tokens of the block at most.
///   - tokens: Room for `budget + 1` tokens: literals << 32 | match length << 16 | offset; the last one has no match.
///   - tokenCount: Set to their number.
///   - frequencies: Counts by symbol, zeros before.
/// - Returns: The index at which the block ends.
public func findMatches(
  _ input: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, table: UnsafeMutablePointer<UInt32>,
  bits: UnsafePointer<UInt8>, budget: Int, tokens: UnsafeMutablePointer<UInt64>,
  tokenCount: UnsafeMutablePointer<Int>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let finder = Finder(input: input, position: position, end: end, table: table, ways: 1, bits: bits)
  return findMatches(
    finder, from: start, budget: budget, tokens: tokens, tokenCount: tokenCount, frequencies: frequencies)
}

/// Finds the matches of a block, with ``DeflateTables/thoroughWays`` candidates a byte. It inserts every byte of a match into the table.
///
/// - Parameters:
///   - input: The bytes, and before `start` those that matches may reach back to. ``DeflateTables/readAhead`` bytes after
///     `end` are read and may hold anything.
///   - start: The index at which the block begins.
///   - end: The index at which it ends at the latest.
///   - position: The number of `input[0]`, counted from ``DeflateTables/window`` + 1, so that 0 in the table is out of reach.
///   - table: 2^``DeflateTables/hashBits`` buckets of as many positions.
///   - bits: The estimated bits of each symbol; never 0 for a symbol that may occur.
///   - budget: Tokens of the block at most.
///   - tokens: Room for `budget + 1` tokens: literals << 32 | match length << 16 | offset; the last one has no match.
///   - tokenCount: Set to their number.
///   - frequencies: Counts by symbol, zeros before.
/// - Returns: The index at which the block ends.
public func findMatchesThoroughly(
  _ input: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, table: UnsafeMutablePointer<UInt32>,
  bits: UnsafePointer<UInt8>, budget: Int, tokens: UnsafeMutablePointer<UInt64>,
  tokenCount: UnsafeMutablePointer<Int>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let finder = Finder(
    input: input, position: position, end: end, table: table, ways: DeflateTables.thoroughWays, bits: bits)
  return findMatches(
    finder, from: start, budget: budget, tokens: tokens, tokenCount: tokenCount, frequencies: frequencies)
}

@inline(__always)
private func findMatches(
  _ finder: Finder, from start: Int, budget: Int, tokens: UnsafeMutablePointer<UInt64>,
  tokenCount: UnsafeMutablePointer<Int>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let (input, end) = (finder.input, finder.end)
  // A match of this length is taken without a search at the next byte.
  let patience = finder.ways > 1 ? 258 : 32
  // The hash is that of six bytes, so the last bytes have none.
  let lastHashed = end &- 6
  var x = start
  var left = budget
  var token = tokens
  var literals = start
  var lastOffset = 0
  while x < end && left > 0 {
    if finder.ways == 1 && (x != literals || lastOffset == 0) {
      let candidate = finder.skip(from: x, to: min(lastHashed &+ 1, x &+ left))
      left &-= candidate &- x
      x = candidate
      if left == 0 { break }
    }
    left &-= 1
    guard x <= lastHashed else {
      x &+= 1
      continue
    }
    var match = finder.find(x)
    finder.insert(x)
    // After a match, the next one often has the same offset, and the code of a frequent offset is short.
    if x == literals && lastOffset > 0 { finder.consider(x, lastOffset, &match) }
    guard match.gain > 0 else {
      x &+= 1
      continue
    }
    // A match that begins one byte later may save more bits (lazy matching).
    while match.length < patience && x < lastHashed && left > 0 {
      let next = finder.find(x &+ 1)
      guard next.gain > match.gain else { break }
      x &+= 1
      finder.insert(x)
      left &-= 1
      match = next
    }
    token.pointee = UInt64(x &- literals) &<< 32 | UInt64(match.length) &<< 16 | UInt64(match.offset)
    token += 1
    frequencies[DeflateTables.firstLength &+ lengthSymbol(match.length)] &+= 1
    frequencies[DeflateTables.offsets &+ offsetSymbol(match.offset)] &+= 1
    lastOffset = match.offset
    let after = x &+ match.length
    // In long matches most bytes are like their neighbors, so not every byte is inserted.
    let step = finder.ways > 1 || match.length <= 64 ? 1 : match.length < 256 ? 4 : 8
    x &+= 1
    while x < after && x <= lastHashed {
      finder.insert(x)
      x &+= step
    }
    x = after
    literals = x
  }
  token.pointee = UInt64(x &- literals) &<< 32
  token += 1
  tokenCount.pointee = token - tokens

  var literal = input + start
  var next = UnsafePointer(tokens)
  while next < UnsafePointer(token) {
    let last = literal + Int(next.pointee &>> 32)
    while literal < last {
      frequencies[Int(literal.pointee)] &+= 1
      literal += 1
    }
    literal += Int(next.pointee &>> 16 & 0xFFFF)
    next += 1
  }
  frequencies[DeflateTables.blockEnd] = 1
  return x
}
