// Deflate (RFC 1951) for the filtered rows of an image, in three steps a block: find matches, make codes, write.
//
// Filtered photographs are noise of a skewed distribution: a match of a few bytes often takes more bits than its bytes as
// literals. So a match is taken by what it saves at the code lengths of the block before, and there is one candidate a byte.
//
// Symbols stand in one table of 320: literals and lengths at 0…285, distances at 288…317.

/// Constants that the caller's tables are made by.
public enum DeflateTables {
  /// Entries of a table by symbol.
  public static let symbols = 320
  /// Where distances begin in it.
  public static let distances = 288
  /// How far back a match may begin.
  public static let window = 32_768
  /// Bits of the hash of the next six bytes.
  public static let hashBits = 15
  /// Candidates a byte of ``findMatchesThoroughly``.
  public static let thoroughWays = 8
  /// Bytes after the input that may be read.
  public static let readAhead = 8
  /// Words of scratch memory that making a code takes.
  public static let scratchWords = 704
  /// Symbols by which code lengths are told.
  public static let runSymbols = 19
  /// The longest block header in bytes.
  public static let headerBytes = 512
}

/// The symbol of a match length of 3…258, less 257.
@inline(__always)
private func lengthSymbol(_ length: Int) -> Int {
  let x = length &- 3
  if x < 8 { return x }
  if x == 255 { return 28 }
  let k = 63 &- x.leadingZeroBitCount
  return (k &- 1) &* 4 &+ (x &>> (k &- 2)) & 3
}

/// The extra bits of a length's symbol.
@inline(__always)
func lengthExtraBits(_ symbol: Int) -> Int { symbol < 8 || symbol == 28 ? 0 : symbol &>> 2 &- 1 }

/// The symbol of a distance of 1…32,768.
@inline(__always)
private func distanceSymbol(_ distance: Int) -> Int {
  let x = distance &- 1
  if x < 4 { return x }
  let k = 63 &- x.leadingZeroBitCount
  return 2 &* k &+ (x &>> (k &- 1)) & 1
}

/// The extra bits of a distance's symbol.
@inline(__always)
func distanceExtraBits(_ symbol: Int) -> Int { symbol < 4 ? 0 : symbol &>> 1 &- 1 }

@inline(__always)
private func load64(_ p: UnsafePointer<UInt8>) -> UInt64 {
  UInt64(littleEndian: UnsafeRawPointer(p).loadUnaligned(as: UInt64.self))
}

@inline(__always)
private func hash(_ p: UnsafePointer<UInt8>) -> Int {
  Int(truncatingIfNeeded: (load64(p) &<< 16 &* 0x9E37_79B9_7F4A_7C15) &>> 49)
}

private struct Match {
  var length = 0
  var distance = 0
  /// Bits saved.
  var gain = 0
}

/// What a match finder works on.
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

  /// The bits that a match of `distance` at `x` saves, if it is longer than 3.
  @inline(__always)
  func consider(_ x: Int, _ distance: Int, _ best: inout Match) {
    let candidate = input + (x &- distance)
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
    // Beyond 32 bytes a match is worth it anyway.
    while k < min(length, 32) {
      saved &+= Int(bits[Int(here[k])])
      k &+= 1
    }
    saved &+= length &- k
    let symbol = lengthSymbol(length)
    let distanceAt = distanceSymbol(distance)
    saved &-= Int(bits[257 &+ symbol]) &+ lengthExtraBits(symbol)
    saved &-= Int(bits[288 &+ distanceAt]) &+ distanceExtraBits(distanceAt)
    if saved > best.gain { best = Match(length: length, distance: distance, gain: saved) }
  }

  @inline(__always)
  func find(_ x: Int) -> Match {
    var best = Match()
    let bucket = table + hash(input + x) &* ways
    var k = 0
    while k < ways {
      let distance = Int(UInt32(truncatingIfNeeded: position &+ x) &- bucket[k])
      if distance &- 1 < 32_768 && distance > 0 && distance <= x { consider(x, distance, &best) }
      k &+= 1
    }
    return best
  }
}

/// Finds the matches of a block, with one candidate a byte.
///
/// - Parameters:
///   - input: The bytes, and before `start` those that matches may reach back to. ``DeflateTables/readAhead`` bytes behind
///     `end` are read and may hold anything.
///   - start: Where the block begins.
///   - end: Where it ends at the latest.
///   - position: The number of `input[0]`, counted from ``DeflateTables/window`` + 1, so that 0 in the table is out of reach.
///   - table: 2^``DeflateTables/hashBits`` positions.
///   - bits: For each symbol the bits it is thought to take; never 0 for a symbol that may occur.
///   - budget: Tokens of the block at most.
///   - tokens: Room for `budget + 1` tokens: literals << 32 | match length << 16 | distance; the last one has no match.
///   - tokenCount: Set to their number.
///   - frequencies: Counts by symbol, zeros before.
/// - Returns: Where the block ends.
public func findMatches(
  _ input: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, table: UnsafeMutablePointer<UInt32>,
  bits: UnsafePointer<UInt8>, budget: Int, tokens: UnsafeMutablePointer<UInt64>,
  tokenCount: UnsafeMutablePointer<Int>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let finder = Finder(input: input, position: position, end: end, table: table, ways: 1, bits: bits)
  return findMatches(
    finder, from: start, budget: budget, tokens: tokens, tokenCount: tokenCount, frequencies: frequencies)
}

/// Finds the matches of a block, with ``DeflateTables/thoroughWays`` candidates a byte, remembering every byte of a match.
///
/// - Parameters:
///   - input: The bytes, and before `start` those that matches may reach back to. ``DeflateTables/readAhead`` bytes behind
///     `end` are read and may hold anything.
///   - start: Where the block begins.
///   - end: Where it ends at the latest.
///   - position: The number of `input[0]`, counted from ``DeflateTables/window`` + 1, so that 0 in the table is out of reach.
///   - table: 2^``DeflateTables/hashBits`` buckets of as many positions.
///   - bits: For each symbol the bits it is thought to take; never 0 for a symbol that may occur.
///   - budget: Tokens of the block at most.
///   - tokens: Room for `budget + 1` tokens: literals << 32 | match length << 16 | distance; the last one has no match.
///   - tokenCount: Set to their number.
///   - frequencies: Counts by symbol, zeros before.
/// - Returns: Where the block ends.
public func findMatchesThoroughly(
  _ input: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, table: UnsafeMutablePointer<UInt32>,
  bits: UnsafePointer<UInt8>, budget: Int, tokens: UnsafeMutablePointer<UInt64>,
  tokenCount: UnsafeMutablePointer<Int>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let finder = Finder(input: input, position: position, end: end, table: table, ways: 8, bits: bits)
  return findMatches(
    finder, from: start, budget: budget, tokens: tokens, tokenCount: tokenCount, frequencies: frequencies)
}

@inline(__always)
private func findMatches(
  _ finder: Finder, from start: Int, budget: Int, tokens: UnsafeMutablePointer<UInt64>,
  tokenCount: UnsafeMutablePointer<Int>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let (input, end) = (finder.input, finder.end)
  // A match this long is taken without a look at the next byte.
  let patience = finder.ways > 1 ? 258 : 32
  // Six bytes are hashed.
  let lastHashed = end &- 6
  var x = start
  var left = budget
  var token = tokens
  var literals = start
  var lastDistance = 0
  while x < end && left > 0 {
    left &-= 1
    guard x <= lastHashed else {
      x &+= 1
      continue
    }
    var match = finder.find(x)
    finder.insert(x)
    // What a match ends is often continued at the same distance, whose code is short by then.
    if x == literals && lastDistance > 0 { finder.consider(x, lastDistance, &match) }
    guard match.gain > 0 else {
      x &+= 1
      continue
    }
    // One byte later there may be a better one.
    while match.length < patience && x < lastHashed && left > 0 {
      let next = finder.find(x &+ 1)
      guard next.gain > match.gain else { break }
      x &+= 1
      finder.insert(x)
      left &-= 1
      match = next
    }
    token.pointee = UInt64(x &- literals) &<< 32 | UInt64(match.length) &<< 16 | UInt64(match.distance)
    token += 1
    frequencies[257 &+ lengthSymbol(match.length)] &+= 1
    frequencies[288 &+ distanceSymbol(match.distance)] &+= 1
    lastDistance = match.distance
    let after = x &+ match.length
    // In long matches most bytes are like their neighbors.
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
  frequencies[256] = 1
  return x
}

/// Counts bytes.
///
/// - Parameter frequencies: 256 counts, added to.
public func countBytes(_ input: UnsafePointer<UInt8>, count: Int, frequencies: UnsafeMutablePointer<UInt32>) {
  for x in 0..<count { frequencies[Int(input[x])] &+= 1 }
}

/// What each symbol is thought to take in the next block: what it took in the last one.
///
/// - Parameters:
///   - lengths: Bits of each symbol's code by symbol; 0 for one that did not occur.
///   - bits: Never 0.
public func estimateBits(_ lengths: UnsafePointer<UInt8>, bits: UnsafeMutablePointer<UInt8>) {
  for symbol in 0..<320 {
    // What did not occur is rare: about the length of the longest codes.
    let rare: UInt8 = symbol < 256 ? 13 : symbol < 288 ? 10 : 7
    bits[symbol] = lengths[symbol] == 0 ? rare : lengths[symbol]
  }
}

/// Makes a code from counts: minimum-redundancy lengths in place (Moffat and Katajainen, "In-Place Calculation of
/// Minimum-Redundancy Codes", 1995), cut to a limit, numbered as RFC 1951 does. It has at least two symbols, so that it is
/// complete.
///
/// - Parameters:
///   - frequencies: `count` counts.
///   - limit: The longest code allowed: 15, or 7.
///   - lengths: Bits of each symbol's code, zeros before; 0 stays for one that does not occur.
///   - codes: length << 16 | code, its first bit lowest, of symbols that occur.
///   - scratch: ``DeflateTables/scratchWords`` words.
public func makeCode(
  _ frequencies: UnsafePointer<UInt32>, count: Int, limit: Int, lengths: UnsafeMutablePointer<UInt8>,
  codes: UnsafeMutablePointer<UInt32>, scratch: UnsafeMutablePointer<UInt64>
) {
  let sorted = scratch
  let tree = scratch + 320
  let counts = scratch + 640
  let next = scratch + 672
  var used = 0
  for symbol in 0..<count where frequencies[symbol] > 0 {
    sorted[used] = UInt64(frequencies[symbol]) &<< 16 | UInt64(symbol)
    used &+= 1
  }
  while used < 2 {
    let symbol: UInt64 = used == 1 && sorted[0] & 0xFFFF == 0 ? 1 : 0
    sorted[used] = 1 &<< 16 | symbol
    used &+= 1
  }
  var gap = used / 2
  while gap > 0 {
    for i in gap..<used {
      let key = sorted[i]
      var k = i
      while k >= gap && sorted[k &- gap] > key {
        sorted[k] = sorted[k &- gap]
        k &-= gap
      }
      sorted[k] = key
    }
    gap /= 2
  }

  // Weights become parents, parents become depths.
  for i in 0..<used { tree[i] = sorted[i] &>> 16 }
  var (root, leaf) = (0, 0)
  for i in 0..<used &- 1 {
    var weight: UInt64 = 0
    for _ in 0..<2 {
      if leaf >= used || (root < i && tree[root] < sorted[leaf] &>> 16) {
        weight &+= tree[root]
        tree[root] = UInt64(i)
        root &+= 1
      } else {
        weight &+= sorted[leaf] &>> 16
        leaf &+= 1
      }
    }
    tree[i] = weight
  }
  var i = used &- 2
  tree[i] = 0
  while i > 0 {
    i &-= 1
    tree[i] = tree[Int(tree[i])] &+ 1
  }
  for length in 0...15 { counts[length] = 0 }
  var (free, depth) = (1, 0)
  i = used &- 2
  while free > 0 {
    var inner = 0
    while i >= 0 && tree[i] == UInt64(depth) {
      inner &+= 1
      i &-= 1
    }
    counts[min(depth, limit)] &+= UInt64(free &- inner)
    free = inner &* 2
    depth &+= 1
  }

  // Too many codes at the limit: one of them goes below a shorter one, which grows by a bit, until they fit.
  var sum: UInt64 = 0
  for length in 1...limit { sum &+= counts[length] &<< UInt64(limit &- length) }
  while sum > 1 &<< UInt64(limit) {
    counts[limit] &-= 1
    var length = limit &- 1
    while counts[length] == 0 { length &-= 1 }
    counts[length] &-= 1
    counts[length &+ 1] &+= 2
    sum &-= 1
  }
  var code: UInt64 = 0
  next[0] = 0
  for length in 1...limit {
    next[length] = code
    code = (code &+ counts[length]) &<< 1
  }
  // The rarest symbols come first and take the longest codes.
  i = 0
  var length = limit
  while length > 0 {
    for _ in 0..<counts[length] {
      lengths[Int(sorted[i] & 0xFFFF)] = UInt8(truncatingIfNeeded: length)
      i &+= 1
    }
    length &-= 1
  }
  for symbol in 0..<count where lengths[symbol] > 0 {
    let length = Int(lengths[symbol])
    var (code, reversed) = (UInt32(truncatingIfNeeded: next[length]), UInt32(0))
    next[length] &+= 1
    for _ in 0..<length {
      reversed = reversed &<< 1 | code & 1
      code &>>= 1
    }
    codes[symbol] = UInt32(length) &<< 16 | reversed
  }
}

/// Bits on their way into bytes, the first one lowest. Between flushes there is room for 57.
private struct BitWriter {
  var output: UnsafeMutablePointer<UInt8>
  var bits: UInt64
  var count: Int

  @inline(__always)
  mutating func put(_ value: UInt64, _ width: Int) {
    bits |= value &<< UInt64(truncatingIfNeeded: count)
    count &+= width
  }

  /// A code as `makeCode` lays it out.
  @inline(__always)
  mutating func put(code: UInt32) { put(UInt64(code & 0xFFFF), Int(code &>> 16)) }

  @inline(__always)
  mutating func flush() {
    UnsafeMutableRawPointer(output).storeBytes(of: bits.littleEndian, as: UInt64.self)
    output += count &>> 3
    bits = bits &>> UInt64(truncatingIfNeeded: count & ~7)
    count &= 7
  }
}

/// Tells the code lengths of a block as runs (RFC 1951, 3.2.7), for `writeBlock`.
///
/// - Parameters:
///   - lengths: By symbol.
///   - runs: Room for ``DeflateTables/symbols``: what follows a symbol << 8 | symbol. 0…15 are lengths, 16 repeats the last
///     one 3…6 times, 17 and 18 are 3…10 and 11…138 zeros.
///   - frequencies: ``DeflateTables/runSymbols`` counts, zeros before.
/// - Returns: The number of runs.
public func collectRuns(
  _ lengths: UnsafePointer<UInt8>, runs: UnsafeMutablePointer<UInt16>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let literalCount = usedLiterals(lengths)
  let total = literalCount &+ usedDistances(lengths)
  var (count, x) = (0, 0)
  while x < total {
    let length = lengths[x < literalCount ? x : 288 &+ x &- literalCount]
    var run = 1
    while x &+ run < total && run < 138 {
      let y = x &+ run
      guard lengths[y < literalCount ? y : 288 &+ y &- literalCount] == length else { break }
      run &+= 1
    }
    let symbol: Int
    if length == 0 && run >= 3 {
      symbol = run >= 11 ? 18 : 17
      runs[count] = UInt16(truncatingIfNeeded: (run >= 11 ? run &- 11 : run &- 3) &<< 8 | symbol)
    } else {
      symbol = Int(length)
      runs[count] = UInt16(length)
      if run >= 4 {
        run = min(run, 7)
        count &+= 1
        runs[count] = UInt16(truncatingIfNeeded: (run &- 4) &<< 8 | 16)
        frequencies[16] &+= 1
      } else {
        run = 1
      }
    }
    frequencies[symbol] &+= 1
    count &+= 1
    x &+= run
  }
  return count
}

@inline(__always)
private func usedLiterals(_ lengths: UnsafePointer<UInt8>) -> Int {
  var count = 286
  while count > 257 && lengths[count &- 1] == 0 { count &-= 1 }
  return count
}

@inline(__always)
private func usedDistances(_ lengths: UnsafePointer<UInt8>) -> Int {
  var count = 30
  while count > 1 && lengths[288 &+ count &- 1] == 0 { count &-= 1 }
  return count
}

/// Writes a block with codes of its own.
///
/// - Parameters:
///   - input: The first byte of the block.
///   - tokens: What `findMatches` made of it.
///   - lengths: From `makeCode`, by symbol; so are `codes`.
///   - runs: From `collectRuns`.
///   - runLengths: From `makeCode` of their counts; so are `runCodes`.
///   - isLast: True for the last block of a stream.
///   - output: Room for ``DeflateTables/headerBytes`` and 6 bytes a literal and match.
///   - bits: Bits that are not yet bytes; those left over come back.
///   - bitCount: Their number, below 8.
/// - Returns: Bytes written.
public func writeBlock(
  _ input: UnsafePointer<UInt8>, tokens: UnsafePointer<UInt64>, tokenCount: Int, lengths: UnsafePointer<UInt8>,
  codes: UnsafePointer<UInt32>, runs: UnsafePointer<UInt16>, runCount: Int, runLengths: UnsafePointer<UInt8>,
  runCodes: UnsafePointer<UInt32>, isLast: Bool, output: UnsafeMutablePointer<UInt8>,
  bits: UnsafeMutablePointer<UInt64>, bitCount: UnsafeMutablePointer<Int>
) -> Int {
  var writer = BitWriter(output: output, bits: bits.pointee, count: bitCount.pointee)
  writer.put(isLast ? 1 : 0, 1)
  writer.put(2, 2)
  var sent = 19
  while sent > 4 && runLengths[transmissionOrder(sent &- 1)] == 0 { sent &-= 1 }
  writer.put(UInt64(usedLiterals(lengths) &- 257), 5)
  writer.put(UInt64(usedDistances(lengths) &- 1), 5)
  writer.put(UInt64(sent &- 4), 4)
  writer.flush()
  for k in 0..<sent {
    writer.put(UInt64(runLengths[transmissionOrder(k)]), 3)
    writer.flush()
  }
  for k in 0..<runCount {
    let symbol = Int(runs[k] & 0xFF)
    writer.put(code: runCodes[symbol])
    writer.put(UInt64(runs[k] &>> 8), symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7)
    writer.flush()
  }

  var literal = input
  var token = tokens
  let end = tokens + tokenCount
  while token < end {
    let literals = Int(token.pointee &>> 32)
    let length = Int(token.pointee &>> 16 & 0xFFFF)
    let last = literal + literals
    while last - literal >= 3 {
      writer.put(code: codes[Int(literal[0])])
      writer.put(code: codes[Int(literal[1])])
      writer.put(code: codes[Int(literal[2])])
      writer.flush()
      literal += 3
    }
    while literal < last {
      writer.put(code: codes[Int(literal[0])])
      literal += 1
    }
    writer.flush()
    if length > 0 {
      let distance = Int(token.pointee & 0xFFFF)
      let symbol = lengthSymbol(length)
      writer.put(code: codes[257 &+ symbol])
      let extra = lengthExtraBits(symbol)
      writer.put(UInt64(length &- 3) & (1 &<< UInt64(extra) &- 1), extra)
      let distanceAt = distanceSymbol(distance)
      writer.put(code: codes[288 &+ distanceAt])
      let distanceExtra = distanceExtraBits(distanceAt)
      writer.put(UInt64(distance &- 1) & (1 &<< UInt64(distanceExtra) &- 1), distanceExtra)
      writer.flush()
      literal += length
    }
    token += 1
  }
  writer.put(code: codes[256])
  writer.flush()
  bits.pointee = writer.bits
  bitCount.pointee = writer.count
  return writer.output - output
}

/// The order in which lengths of the code length code are sent: 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, …
@inline(__always)
private func transmissionOrder(_ k: Int) -> Int {
  if k < 3 { return 16 &+ k }
  if k == 3 { return 0 }
  let step = (k &- 3) / 2
  return k & 1 == 0 ? 8 &+ step : 8 &- step
}
