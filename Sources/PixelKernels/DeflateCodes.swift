/// Counts bytes.
///
/// - Parameter frequencies: 256 counts, added to.
public func countBytes(_ input: UnsafePointer<UInt8>, count: Int, frequencies: UnsafeMutablePointer<UInt32>) {
  for x in 0..<count { frequencies[Int(input[x])] &+= 1 }
}

/// Estimates the bits of each symbol in the next block from the code of the last block.
///
/// - Parameters:
///   - lengths: Bits of each symbol's code by symbol; 0 for one that did not occur.
///   - bits: Never 0.
public func estimateBits(_ lengths: UnsafePointer<UInt8>, bits: UnsafeMutablePointer<UInt8>) {
  for symbol in 0..<DeflateTables.symbols {
    // A symbol that did not occur is assumed to be rare, with a code about as long as the longest codes.
    let rare: UInt8 = symbol < DeflateTables.blockEnd ? 13 : symbol < DeflateTables.offsets ? 10 : 7
    bits[symbol] = lengths[symbol] == 0 ? rare : lengths[symbol]
  }
}

/// Makes a code from counts: minimum-redundancy lengths in place (Moffat and Katajainen, "In-Place Calculation of Minimum-Redundancy
/// Codes", 1995), cut to a limit. The code has at least two symbols, so that it is complete.
///
/// - Parameters:
///   - frequencies: `count` counts.
///   - limit: The longest code allowed: 15, or 7.
///   - lengths: `count` zeros, which become the bits of each symbol's code; 0 for a symbol that does not occur.
///   - codes: `length << 16 | code` of each symbol that occurs. The first bit of the code is the lowest one.
///   - scratch: ``DeflateTables/scratchWords`` words.
public func makeCode(
  _ frequencies: UnsafePointer<UInt32>, count: Int, limit: Int, lengths: UnsafeMutablePointer<UInt8>,
  codes: UnsafeMutablePointer<UInt32>, scratch: UnsafeMutablePointer<UInt64>
) {
  let sorted = scratch
  let tree = sorted + DeflateTables.symbols
  let counts = tree + DeflateTables.symbols
  let codeScratch = UnsafeMutableRawPointer(counts + DeflateTables.lengths)
    .bindMemory(to: UInt32.self, capacity: CanonicalCode.scratchWords)
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
  for length in 0..<DeflateTables.lengths { counts[length] = 0 }
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

  // Cutting lengths to the limit leaves too many codewords. Until they fit, a shorter codeword is made one bit longer, and a codeword of
  // the longest length takes the place beside it.
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
  // Never nil: the code is complete.
  guard let code = CanonicalCode(lengths: lengths, count: count, scratch: codeScratch) else { return }
  length = 1
  for k in 0..<code.count {
    while code.end(length) <= k { length &+= 1 }
    codes[code.symbol(k)] = UInt32(truncatingIfNeeded: length &<< 16 | code.codeword(k))
  }
}

/// Makes precode items of the code lengths of a block (RFC 1951, 3.2.7), for `writeBlock`.
///
/// - Parameters:
///   - lengths: By symbol.
///   - items: Room for ``DeflateTables/symbols``. Symbols 0…15 are lengths, 16 repeats the last one 3…6 times, 17 and 18 are 3…10
///     and 11…138 zeros.
///   - frequencies: ``DeflateTables/precodeSymbols`` counts, zeros before.
/// - Returns: The number of items.
public func collectPrecodeItems(
  _ lengths: UnsafePointer<UInt8>, items: UnsafeMutablePointer<UInt16>, frequencies: UnsafeMutablePointer<UInt32>
) -> Int {
  let litlenCount = usedLitlens(lengths)
  let total = litlenCount &+ usedOffsets(lengths)
  var (count, x) = (0, 0)
  while x < total {
    let length = lengths[x < litlenCount ? x : DeflateTables.offsets &+ x &- litlenCount]
    var run = 1
    while x &+ run < total && run < 138 {
      let y = x &+ run
      guard lengths[y < litlenCount ? y : DeflateTables.offsets &+ y &- litlenCount] == length else { break }
      run &+= 1
    }
    let symbol: Int
    if length == 0 && run >= 3 {
      symbol = run >= 11 ? 18 : 17
      items[count] = UInt16(truncatingIfNeeded: (run >= 11 ? run &- 11 : run &- 3) &<< 8 | symbol)
    } else {
      symbol = Int(length)
      items[count] = UInt16(length)
      if run >= 4 {
        run = min(run, 7)
        count &+= 1
        items[count] = UInt16(truncatingIfNeeded: (run &- 4) &<< 8 | 16)
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
func usedLitlens(_ lengths: UnsafePointer<UInt8>) -> Int {
  var count = DeflateTables.litlenSymbols
  while count > DeflateTables.firstLength && lengths[count &- 1] == 0 { count &-= 1 }
  return count
}

@inline(__always)
func usedOffsets(_ lengths: UnsafePointer<UInt8>) -> Int {
  var count = DeflateTables.offsetSymbols
  while count > 1 && lengths[DeflateTables.offsets &+ count &- 1] == 0 { count &-= 1 }
  return count
}
