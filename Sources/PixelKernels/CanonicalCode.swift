/// A canonical Huffman code (RFC 1951, 3.2.2): its symbols in the order of their codewords.
///
/// The codewords of one length follow each other, in the order of their symbols, and shorter ones come first.
struct CanonicalCode {
  /// Bits of the longest codeword.
  static let longest = 15
  /// The most symbols that an alphabet of deflate has, unused ones included.
  private static let symbols = 288
  private static let lengths = longest + 2
  /// Words of scratch memory for ``init(lengths:count:scratch:)``.
  static let scratchWords = lengths + 2 * symbols

  /// For each length, the index of its first symbol; after the longest, the number of all.
  private let starts: UnsafeMutablePointer<UInt32>
  private let sorted: UnsafeMutablePointer<UInt32>
  private let codewords: UnsafeMutablePointer<UInt32>

  /// Sorts symbols by their codewords.
  ///
  /// - Parameters:
  ///   - lengths: For each symbol the bits of its codeword, 0 to ``longest``; 0 if it has none.
  ///   - count: The number of symbols, at most 288.
  ///   - scratch: ``scratchWords`` words, which the code uses as long as it lives.
  /// - Returns: Nil if the lengths are too short for that many codewords, or if they leave room for more. This refuses two codes that zlib
  ///   accepts: one without codewords, and one with a single codeword of one bit.
  @inline(__always)
  init?(lengths: UnsafePointer<UInt8>, count: Int, scratch: UnsafeMutablePointer<UInt32>) {
    starts = scratch
    sorted = scratch + Self.lengths
    codewords = sorted + Self.symbols
    var k = 0
    while k < Self.lengths {
      starts[k] = 0
      k &+= 1
    }
    // Symbols without a codeword have the length 0. Their number is first added to the start of length 1, and then removed from it.
    k = 0
    while k < count {
      starts[Int(lengths[k]) &+ 1] &+= 1
      k &+= 1
    }
    starts[1] = 0
    var unused = 1
    var length = 1
    // For now, the words of codewords hold the index of the next symbol of each length.
    while length <= Self.longest {
      unused = unused &* 2 &- Int(truncatingIfNeeded: starts[length &+ 1])
      if unused < 0 { return nil }
      starts[length &+ 1] &+= starts[length]
      codewords[length] = starts[length]
      length &+= 1
    }
    if unused > 0, self.count > 1 || self.count == 1 && starts[2] == 0 { return nil }
    k = 0
    while k < count {
      let length = Int(lengths[k])
      if length > 0 {
        sorted[Int(truncatingIfNeeded: codewords[length])] = UInt32(truncatingIfNeeded: k)
        codewords[length] &+= 1
      }
      k &+= 1
    }
    var codeword: UInt32 = 0
    length = 1
    k = 0
    while k < self.count {
      while end(length) <= k { length &+= 1 }
      codewords[k] = codeword
      // Adds 1 to a codeword whose first bit is the lowest: the highest 0 becomes 1, and the bits above it 0. A longer codeword begins with
      // the result.
      let zeros = codeword ^ (1 &<< UInt32(truncatingIfNeeded: length) &- 1)
      if zeros != 0 {
        let bit = 1 as UInt32 &<< UInt32(truncatingIfNeeded: 31 &- zeros.leadingZeroBitCount)
        codeword = codeword & (bit &- 1) | bit
      }
      k &+= 1
    }
  }

  /// The number of symbols that have a codeword.
  @inline(__always)
  var count: Int { end(Self.longest) }

  /// The index of the first symbol with codewords of `length` bits.
  @inline(__always)
  func start(_ length: Int) -> Int { Int(truncatingIfNeeded: starts[length]) }

  /// The index after the last symbol with codewords of `length` bits.
  @inline(__always)
  func end(_ length: Int) -> Int { Int(truncatingIfNeeded: starts[length &+ 1]) }

  /// The symbol at an index.
  @inline(__always)
  func symbol(_ index: Int) -> Int { Int(truncatingIfNeeded: sorted[index]) }

  /// The codeword at an index, as the bit buffer contains it: its first bit lowest.
  @inline(__always)
  func codeword(_ index: Int) -> Int { Int(truncatingIfNeeded: codewords[index]) }
}
