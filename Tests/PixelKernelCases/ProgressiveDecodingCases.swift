import CPixelIntrinsics
import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Scans of progressive JPEGs, which are made exactly as ITU-T T.81, G.1.2 describes.
func progressiveDecodingCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for (name, lengths) in entropyCodeLengths() {
    for (first, last) in [(1, 63), (1, 5), (6, 63), (7, 7)] {
      cases.append(
        KernelCase("decodeAC and refineAC: \(name), positions \(first) to \(last)") {
          decodeACs(lengths, first, last, &$0)
        })
    }
    cases.append(KernelCase("decodeDC and refineDC: \(name)") { decodeDCs(lengths, &$0) })
  }
  return cases
}

/// Entropy-coded bits, made by T.81 F.1.2 and G.1.2.
private struct BitWriter {
  let lengths: [Int]
  let codes: [Int]
  var bits: [UInt8] = []
  /// The number of consecutive blocks at the end whose bands have ended, and the correction bits of these blocks.
  var ended = 0
  var corrections: [UInt8] = []

  init(_ lengths: [Int]) {
    self.lengths = lengths
    codes = entropyCodes(lengths)
  }

  mutating func put(_ value: Int, _ count: Int) {
    for i in 0..<count { bits.append(UInt8(value >> (count - 1 - i) & 1)) }
  }

  mutating func put(symbol: Int) { put(codes[symbol], lengths[symbol]) }

  /// G.1.2.2, Encode_EOBRUN.
  mutating func putEnded() {
    guard ended > 0 else { return }
    var size = 0
    while ended >> (size + 1) > 0 { size += 1 }
    put(symbol: size << 4)
    put(ended - 1 << size, size)
    ended = 0
    bits += corrections
    corrections = []
  }

  /// Figure G.3.
  mutating func putBand(_ values: ArraySlice<Int>, lowBit: Int) {
    var run = 0
    for value in values {
      let shifted = value < 0 ? 0 - (0 - value) >> lowBit : value >> lowBit
      guard shifted != 0 else {
        run += 1
        continue
      }
      putEnded()
      while run > 15 {
        put(symbol: 0xF0)
        run -= 16
      }
      let (size, raw) = magnitudeBits(shifted)
      put(symbol: run << 4 | size)
      put(raw, size)
      run = 0
    }
    if run > 0 { ended += 1 }
  }

  /// Figures G.7 and G.8.
  mutating func putRefinement(_ values: ArraySlice<Int>, lowBit: Int) {
    let levels = values.map { abs($0) >> lowBit }
    let last = levels.lastIndex(of: 1) ?? -1
    var run = 0
    var pending: [UInt8] = []
    for (k, value) in zip(levels.indices, values) {
      guard levels[k] != 0 else {
        run += 1
        continue
      }
      while run > 15 && k <= last {
        putEnded()
        put(symbol: 0xF0)
        bits += pending
        pending = []
        run -= 16
      }
      if levels[k] > 1 {
        pending.append(UInt8(levels[k] & 1))
        continue
      }
      putEnded()
      put(symbol: run << 4 | 1)
      put(value < 0 ? 0 : 1, 1)
      bits += pending
      pending = []
      run = 0
    }
    if run > 0 || !pending.isEmpty {
      ended += 1
      corrections += pending
    }
  }

  /// The bytes with padding that kernels may read, and the number of bytes before the padding.
  func bytes() -> (bytes: [UInt8], end: Int) {
    let end = (bits.count + 7) / 8
    var bytes = [UInt8](repeating: 0, count: end + 8 + 512)
    for i in 0..<bits.count { bytes[i / 8] |= bits[i] << UInt8(7 - i % 8) }
    return (bytes, end)
  }
}

private func copied<Element>(_ values: [Element]) -> UnsafeMutablePointer<Element> {
  let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(values.count, 1))
  copy.initialize(from: values, count: values.count)
  return copy
}

/// Decodes a scan in two calls, because strips are decoded in separate calls.
private func decode(
  _ kernel: (cpi_progressive_decoding) -> Int, _ writer: BitWriter, _ tables: [UInt64], _ blocks: [Int],
  _ positions: ClosedRange<Int>, lowBit: Int, count: Int, _ coefficients: inout [Int16], _ nonzero: inout [UInt64],
  isCut: Bool = false
) -> Int {
  let (bytes, end) = writer.bytes()
  let (tables, order, blocks, blockCount) = (copied(tables), copied(zigzagOrder), copied(blocks), blocks.count / 5)
  defer {
    tables.deallocate()
    order.deallocate()
    blocks.deallocate()
  }
  var state = [UInt64](repeating: 0, count: EntropyState.words)
  var done = 0
  for part in [count / 3, count - count / 3] {
    let decoded = bytes.withUnsafeBufferPointer { bytes in
      state.withUnsafeMutableBufferPointer { state in
        coefficients.withUnsafeMutableBufferPointer { coefficients in
          nonzero.withUnsafeMutableBufferPointer { nonzero in
            kernel(
              cpi_progressive_decoding(
                bytes: bytes.baseAddress!, end: isCut ? end / 2 : end, limit: .max, state: state.baseAddress!,
                tables: tables, natural_order: order, blocks: blocks, block_count: blockCount,
                first_position: positions.lowerBound, last_position: positions.upperBound, low_bit: lowBit,
                first: done, count: part, coefficients: coefficients.baseAddress!, nonzero: nonzero.baseAddress!))
          }
        }
      }
    }
    if decoded < 0 { return decoded }
    done += decoded
  }
  return done
}

/// Decodes the first scan of a band, and two scans that add one bit each.
private func decodeACs(_ lengths: [Int], _ first: Int, _ last: Int, _ check: inout KernelCheck) {
  let blockCount = 90
  var random = SplitMix64(seed: UInt64(first * 64 + last))
  // The coefficients are in zigzag order. Many blocks in a row are empty, and some are full.
  let blocks = (0..<blockCount).map { block in
    (0..<64).map { position -> Int in
      guard (first...last).contains(position), block % 30 < 12 else { return 0 }
      guard block % 7 == 3 || random.next() % 6 == 0 else { return 0 }
      let most = random.next() % 8 == 0 ? 900 : 7
      return Int.random(in: 0...most, using: &random) * (random.next() & 1 == 0 ? 1 : -1)
    }
  }
  var actual = [Int16](repeating: 0, count: blockCount * 64)
  var nonzero = [UInt64](repeating: 0, count: blockCount)
  for lowBit in [2, 1, 0] {
    var writer = BitWriter(lengths)
    for block in blocks {
      if lowBit == 2 {
        writer.putBand(block[first...last], lowBit: lowBit)
      } else {
        writer.putRefinement(block[first...last], lowBit: lowBit)
      }
    }
    writer.putEnded()
    let tables = entropyTable(lengths, lowBit == 2 ? .acBand : .acRefinement, lowBit: lowBit)
    let before = (actual, nonzero)
    let done = decode(
      lowBit == 2 ? decodeAC : refineAC, writer, tables, [], first...last, lowBit: lowBit, count: blockCount,
      &actual, &nonzero)
    check.expect([done], is: [blockCount], "blocks down to bit \(lowBit)")
    var expected = [Int16](repeating: 0, count: blockCount * 64)
    var places = [UInt64](repeating: 0, count: blockCount)
    for (k, block) in blocks.enumerated() {
      for (position, value) in block.enumerated() where abs(value) >> lowBit > 0 {
        expected[k * 64 + Int(zigzagOrder[position])] = Int16(((abs(value) >> lowBit) << lowBit) * value.signum())
        places[k] |= 1 << UInt64(position)
      }
    }
    check.expect(actual, is: expected, "coefficients down to bit \(lowBit)")
    check.expect(nonzero, is: places, "places down to bit \(lowBit)")
    var (cutActual, cutNonzero) = before
    let cut = decode(
      lowBit == 2 ? decodeAC : refineAC, writer, tables, [], first...last, lowBit: lowBit, count: blockCount,
      &cutActual, &cutNonzero, isCut: true)
    check.expect([cut], is: [-1], "an end within a scan of bit \(lowBit)")
  }
}

/// Decodes the DC coefficients of two components: their first scan, and two scans that add one bit each.
private func decodeDCs(_ lengths: [Int], _ check: inout KernelCheck) {
  let (mcuCount, blockCount) = (40, 3)
  var random = SplitMix64(seed: 7)
  let values = (0..<mcuCount * blockCount).map { _ in Int.random(in: -1_000...1_000, using: &random) }
  let blocks = (0..<blockCount).flatMap { block in [block == 2 ? 1 : 0, block * 64, blockCount * 64, 0, 0] }
  var actual = [Int16](repeating: 0, count: mcuCount * blockCount * 64)
  var nonzero: [UInt64] = [0]
  for lowBit in [2, 1, 0] {
    var writer = BitWriter(lengths)
    var predictions = [0, 0]
    for (k, value) in values.enumerated() {
      guard lowBit == 2 else {
        writer.put(value >> lowBit & 1, 1)
        continue
      }
      let component = blocks[k % blockCount * 5]
      let (size, raw) = magnitudeBits(value >> 2 - predictions[component])
      predictions[component] = value >> 2
      writer.put(symbol: size)
      writer.put(raw, size)
    }
    let done = decode(
      lowBit == 2 ? decodeDC : refineDC, writer, entropyTable(lengths, .dc), blocks, 0...0, lowBit: lowBit,
      count: mcuCount, &actual, &nonzero)
    check.expect([done], is: [mcuCount], "MCUs down to bit \(lowBit)")
    let expected = values.flatMap { [Int16(($0 >> lowBit) << lowBit)] + [Int16](repeating: 0, count: 63) }
    check.expect(actual, is: expected, "coefficients down to bit \(lowBit)")
  }
}
