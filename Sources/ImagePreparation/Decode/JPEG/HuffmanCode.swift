internal import PixelKernels

/// A Huffman code of a JPEG (T.81 annex C), and the decoding tables that kernels read.
struct HuffmanCode: Equatable {
  /// The kind of symbols.
  enum Symbols {
    /// Differences of DC coefficients.
    case dc
    /// Runs and AC coefficients of whole blocks.
    case ac
    /// Runs and AC coefficients of a progressive scan, where bands of many blocks may end at once.
    case acBand
    /// Runs and AC coefficients of a progressive scan that adds one bit to the coefficients of earlier scans.
    case acRefinement
  }

  /// The number of codes of each length, from index 1 to 16.
  private let counts: [UInt8]
  private let symbols: [UInt8]

  /// The largest magnitude of a coefficient times its quantization step; it is eight times the largest product of any encoder.
  /// libjpeg-turbo's SIMD transform computes four times this product in 16 bits, so that its samples for larger products differ from those
  /// of its C code.
  private static let mostOfCoefficient = 8191
  /// The same limit for DC coefficients: at 1/8 scale, libjpeg-turbo divides the product by 8 and keeps 10 bits of the quotient before
  /// clamping it to a sample.
  private static let mostOfDC = 4088

  /// - Returns: Nil if the lengths make no prefix code, or if a codeword has only ones, which libjpeg-turbo refuses (T.81 C.2).
  init?(counts: [UInt8], symbols: [UInt8]) {
    let total = counts[1...16].reduce(0) { $0 + Int($1) }
    guard total <= min(256, symbols.count) else { return nil }
    var code = 0
    for length in 1...16 {
      code += Int(counts[length])
      guard counts[length] == 0 || code < 1 << length else { return nil }
      code <<= 1
    }
    self.counts = counts
    self.symbols = Array(symbols.prefix(total))
  }

  /// True when all symbols are sizes of differences; libjpeg-turbo refuses other tables for DC coefficients.
  var isDC: Bool { symbols.allSatisfy { $0 < 16 } }

  /// The largest magnitude of a coefficient whose `lowBit` lowest bits later scans add.
  static func bound(step: UInt16, lowBit: Int, isDC: Bool = false) -> Int {
    ((isDC ? mostOfDC : mostOfCoefficient) / max(Int(step), 1) - (1 << lowBit - 1)) >> lowBit
  }

  /// Fills a table of ``HuffmanTable/entries`` zeros.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - kind: The kind of the code's symbols.
  ///   - lowBit: The lowest bit of a coefficient that the scan has.
  ///   - steps: 64 quantization steps in natural order.
  func fill(_ table: UnsafeMutablePointer<UInt64>, kind: Symbols, lowBit: Int, steps: [UInt16]) {
    let indexBits = HuffmanTable.indexBits
    let bounds = steps.map { Self.bound(step: $0, lowBit: lowBit, isDC: kind == .dc) }
    for k in 0..<64 { unsafe table[HuffmanTable.bounds + k] = UInt64(bitPattern: Int64(bounds[k])) }
    let least = bounds.reduce(Int(Int16.max), min)
    unsafe table.update(repeating: HuffmanTable.isSlow, count: 1 << indexBits)
    var code = 0
    var symbolIndex = 0
    for length in 1...16 {
      let (firstCode, firstIndex) = (code, symbolIndex)
      for _ in 0..<counts[length] {
        let symbol = symbols[symbolIndex]
        unsafe table[HuffmanTable.symbols + symbolIndex] = UInt64(symbol)
        if length <= indexBits {
          let tailBits = indexBits - length
          for tail in 0..<(1 << tailBits) {
            unsafe table[code << tailBits | tail] = Self.entry(
              symbol: symbol, length: length, tail: tail, tailBits: tailBits, kind: kind, lowBit: lowBit, bound: least)
          }
        }
        symbolIndex += 1
        code += 1
      }
      if length > indexBits {
        let k = length - indexBits - 1
        unsafe table[HuffmanTable.limits + k] = UInt64(code << (16 - length))
        unsafe table[HuffmanTable.offsets + k] = UInt64(bitPattern: Int64(firstIndex - firstCode))
      }
      code <<= 1
    }
    switch kind {
    case .ac, .acBand: unsafe Self.addSecondSymbols(table)
    case .acRefinement:
      let short = unsafe UnsafeMutableRawPointer(table).assumingMemoryBound(to: UInt32.self)
      for index in 0..<1 << indexBits { unsafe short[index] = UInt32(truncatingIfNeeded: table[index]) }
    case .dc: break
    }
  }

  /// The entry of a code that is followed by the `tailBits` bits of `tail`.
  private static func entry(
    symbol: UInt8, length: Int, tail: Int, tailBits: Int, kind: Symbols, lowBit: Int, bound: Int
  ) -> UInt64 {
    let isDC = kind == .dc
    let size = isDC ? Int(symbol) : Int(symbol & 15)
    let slow = HuffmanTable.isSlow | UInt64(length | Int(symbol) << 8)
    if !isDC && size == 0 {
      if symbol == 0xF0 { return UInt64(length | 16 << 8) }
      // The kernel itself reads how many bands end.
      return kind == .ac || symbol == 0 ? UInt64(length | HuffmanTable.blockEnd << 8) : slow
    }
    guard size <= tailBits, kind != .acRefinement || size == 1 else { return slow }
    let raw = tail >> (tailBits - size)
    let value = size == 0 ? 0 : raw < 1 << (size - 1) ? raw - (1 << size) + 1 : raw
    // The kernel itself checks the sum of DC differences.
    guard isDC || abs(value) <= bound else { return slow }
    let advance = isDC ? 0 : Int(symbol >> 4) + 1
    let bits = UInt64(UInt16(truncatingIfNeeded: isDC ? value : value << lowBit))
    return UInt64(length + size | advance << 8) | bits << 16 | bits << 48
  }

  /// Adds to each entry the symbol that follows, if all bits of that symbol are in the index.
  private static func addSecondSymbols(_ table: UnsafeMutablePointer<UInt64>) {
    let indexBits = UInt64(HuffmanTable.indexBits)
    let alone = unsafe Array(UnsafeBufferPointer(start: table, count: 1 << HuffmanTable.indexBits))
    for (index, first) in alone.enumerated()
    where first & HuffmanTable.isSlow == 0 && first >> 8 & 0xFF != HuffmanTable.blockEnd {
      let length = first & 0x3F
      let second = alone[index << Int(length) & (alone.count - 1)]
      let secondLength = second & 0x3F
      guard second & HuffmanTable.isSlow == 0, length + secondLength <= indexBits else { continue }
      unsafe table[index] =
        first & 0xFFFF_FF00 | (length + secondLength) | (second >> 8 & 0xFF) << 32 | secondLength << 40
        | (second >> 16 & 0xFFFF) << 48
    }
  }
}
