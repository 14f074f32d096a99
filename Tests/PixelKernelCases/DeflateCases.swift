import CPixelIntrinsics
import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Bytes are deflated in blocks. A plain reader of RFC 1951 and the kernels must inflate them to the same bytes.
func deflateCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for (name, input) in inputs() {
    for isThorough in [false, true] {
      let kernels = "\(isThorough ? "findMatchesThoroughly" : "findMatches"), makeCode, writeBlock, inflateSymbols"
      cases.append(KernelCase("\(kernels): \(name)") { deflate(input, isThorough, &$0) })
    }
  }
  cases.append(KernelCase("makeLitlenTable, makeOffsetTable: lengths that make no code", noCodes))
  cases.append(KernelCase("makePrecodeTable", precodes))
  cases.append(KernelCase("beginsWithLiteral", literals))
  cases.append(KernelCase("matchLength", lengths))
  return cases
}

private func inputs() -> [(name: String, bytes: [UInt8])] {
  var random = SplitMix64(seed: 1)
  let noise = (0..<6_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  // Values like the differences that a row filter leaves of a photograph: small values of both signs.
  let skewed = (0..<20_000).map { _ in
    UInt8(truncatingIfNeeded: (0..<4).reduce(0) { sum, _ in sum + Int.random(in: -3...3, using: &random) })
  }
  var repeating: [UInt8] = []
  while repeating.count < 20_000 {
    let length = Int.random(in: 1...300, using: &random)
    let offset = Int.random(in: 1...max(1, min(repeating.count, 9_000)), using: &random)
    if repeating.count < 50 || random.next() & 3 == 0 {
      for _ in 0..<length / 20 + 1 { repeating.append(UInt8(truncatingIfNeeded: random.next())) }
    } else {
      for _ in 0..<length { repeating.append(repeating[repeating.count - offset]) }
    }
  }
  // Counts that grow like Fibonacci's numbers make the longest codes.
  var steep: [UInt8] = []
  var (count, next) = (1, 1)
  for value in UInt8(0)..<18 {
    steep += [UInt8](repeating: value, count: count)
    (count, next) = (next, count + next)
  }
  for i in 0..<steep.count { steep.swapAt(i, Int.random(in: i..<steep.count, using: &random)) }
  return [
    ("one byte", [7]), ("zeros", [UInt8](repeating: 0, count: 10_000)), ("noise", noise), ("small values", skewed),
    ("repetitions", repeating), ("steep counts", steep),
  ]
}

/// The number of symbols in the tables: the symbols of a block, and after them the symbols of its code lengths.
private let tableSize = DeflateTables.symbols + DeflateTables.precodeSymbols

private func deflate(_ input: [UInt8], _ isThorough: Bool, _ check: inout KernelCheck) {
  let window = input + [UInt8](repeating: 0xA5, count: DeflateTables.readAhead)
  let ways = isThorough ? DeflateTables.thoroughWays : 1
  var table = [UInt32](repeating: 0, count: ways << DeflateTables.hashBits)
  var frequencies = [UInt32](repeating: 0, count: tableSize)
  countBytes(input, count: input.count, frequencies: &frequencies)
  var counts = [UInt32](repeating: 0, count: 256)
  for byte in input { counts[Int(byte)] += 1 }
  check.expect(Array(frequencies.prefix(256)), is: counts, "counts")
  frequencies[256] = 1
  var codes = Codes(&frequencies)
  var stream: [UInt8] = []
  var (bitBuffer, bitCount) = (UInt64(0), 0)
  var x = 0
  while x < input.count {
    let budget = 5_000
    var tokens = [UInt64](repeating: 0, count: budget + 1)
    var tokenCount = 0
    frequencies = [UInt32](repeating: 0, count: tableSize)
    let find = isThorough ? findMatchesThoroughly : findMatches
    let end = find(
      window, x, input.count, DeflateTables.window + 1, &table, codes.bits, budget, &tokens, &tokenCount, &frequencies)
    check.record(Array(tokens.prefix(tokenCount)))
    codes = Codes(&frequencies)
    check.record(codes.lengths)
    var output = [UInt8](repeating: 0, count: DeflateTables.headerBytes + 6 * (budget + 1))
    let size = window.withUnsafeBufferPointer { window in
      codes.lengths.withUnsafeBufferPointer { lengths in
        codes.codes.withUnsafeBufferPointer { numbers in
          writeBlock(
            window.baseAddress! + x, tokens: tokens, tokenCount: tokenCount, lengths: lengths.baseAddress!,
            codes: numbers.baseAddress!, items: codes.items, itemCount: codes.itemCount,
            precodeLengths: lengths.baseAddress! + DeflateTables.symbols,
            precodeCodes: numbers.baseAddress! + DeflateTables.symbols, isLast: end == input.count, output: &output,
            bits: &bitBuffer, bitCount: &bitCount)
        }
      }
    }
    stream += output.prefix(size)
    x = end
  }
  if bitCount > 0 { stream.append(UInt8(truncatingIfNeeded: bitBuffer)) }
  check.record(stream)
  var reader = PlainInflater(stream)
  check.expect(reader.inflated(), is: input, "a plain reader")
  check.expect(inflateByKernels(stream, count: input.count, &check), is: input, "the kernels")
}

/// The codes of a block, which are made from the counts of its symbols as in the PNG encoder.
private struct Codes {
  var lengths = [UInt8](repeating: 0, count: tableSize)
  var codes = [UInt32](repeating: 0, count: tableSize)
  var bits = [UInt8](repeating: 0, count: tableSize)
  var items = [UInt16](repeating: 0, count: DeflateTables.symbols)
  var itemCount = 0

  init(_ frequencies: inout [UInt32]) {
    var scratch = [UInt64](repeating: 0, count: DeflateTables.scratchWords)
    make(frequencies, 0, DeflateTables.litlenSymbols, 15, &scratch)
    make(frequencies, DeflateTables.offsets, DeflateTables.offsetSymbols, 15, &scratch)
    estimateBits(lengths, bits: &bits)
    frequencies.withUnsafeMutableBufferPointer {
      itemCount = collectPrecodeItems(lengths, items: &items, frequencies: $0.baseAddress! + DeflateTables.symbols)
    }
    make(frequencies, DeflateTables.symbols, DeflateTables.precodeSymbols, 7, &scratch)
  }

  private mutating func make(
    _ frequencies: [UInt32], _ first: Int, _ count: Int, _ limit: Int, _ scratch: inout [UInt64]
  ) {
    var lengths = [UInt8](repeating: 0, count: count)
    var codes = [UInt32](repeating: 0, count: count)
    let part = Array(frequencies[first..<first + count])
    makeCode(part, count: count, limit: limit, lengths: &lengths, codes: &codes, scratch: &scratch)
    for i in 0..<count { (self.lengths[first + i], self.codes[first + i]) = (lengths[i], codes[i]) }
  }
}

/// For each code length, the symbols whose codes have that length.
private struct PlainCode {
  var symbols = [[Int]](repeating: [], count: 16)

  init(_ lengths: [UInt8]) {
    for symbol in 0..<lengths.count where lengths[symbol] > 0 { symbols[Int(lengths[symbol])].append(symbol) }
  }
}

/// Reads dynamic blocks bit by bit, by the letter of RFC 1951.
private struct PlainInflater {
  private let bytes: [UInt8]
  private(set) var bit = 0

  init(_ bytes: [UInt8], bit: Int = 0) {
    self.bytes = bytes
    self.bit = bit
  }

  /// `count` bits, the first one lowest; zeros after the end.
  mutating func number(_ count: Int) -> Int {
    var value = 0
    for i in 0..<count {
      if bit / 8 < bytes.count { value |= Int(bytes[bit / 8] >> UInt8(bit % 8) & 1) << i }
      bit += 1
    }
    return value
  }

  /// Reads the code lengths of a block's litlen and offset symbols (3.2.7). The bits of the block's type were read before.
  mutating func codeLengths() -> (litlens: [UInt8], offsets: [UInt8]) {
    let (litlenCount, offsetCount, precodeCount) = (number(5) + 257, number(5) + 1, number(4) + 4)
    var precodeLengths = [UInt8](repeating: 0, count: 19)
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].prefix(precodeCount) {
      precodeLengths[symbol] = UInt8(number(3))
    }
    var lengths: [UInt8] = []
    let precode = PlainCode(precodeLengths)
    while lengths.count < litlenCount + offsetCount {
      switch symbol(precode) {
      case 16: lengths += [UInt8](repeating: lengths.last ?? 0, count: number(2) + 3)
      case 17: lengths += [UInt8](repeating: 0, count: number(3) + 3)
      case 18: lengths += [UInt8](repeating: 0, count: number(7) + 11)
      case let length: lengths.append(UInt8(length))
      }
    }
    return (Array(lengths.prefix(litlenCount)), Array(lengths[litlenCount..<litlenCount + offsetCount]))
  }

  /// The next symbol of a code (3.2.2); 0 if there is none.
  mutating func symbol(_ code: PlainCode) -> Int {
    var (number, first) = (0, 0)
    for symbols in code.symbols[1...] {
      number = number * 2 + self.number(1)
      if number - first < symbols.count { return symbols[number - first] }
      first = (first + symbols.count) * 2
    }
    return 0
  }

  mutating func inflated() -> [UInt8] {
    var output: [UInt8] = []
    var isLast = false
    while !isLast && bit < bytes.count * 8 {
      isLast = number(1) == 1
      // A block of another type is not from this encoder.
      if number(2) != 2 { return [] }
      let lengths = codeLengths()
      let (litlens, offsets) = (PlainCode(lengths.litlens), PlainCode(lengths.offsets))
      var next = symbol(litlens)
      while next != 256 && bit < bytes.count * 8 {
        if next < 256 {
          output.append(UInt8(next))
        } else {
          let length = Self.lengthBases[next - 257] + number(Self.lengthExtraBits(next - 257))
          let place = symbol(offsets)
          let base = place < 4 ? place + 1 : (2 + place % 2) << (place / 2 - 1) + 1
          let offset = base + number(place < 4 ? 0 : place / 2 - 1)
          if offset > output.count { return [] }
          for _ in 0..<length { output.append(output[output.count - offset]) }
        }
        next = symbol(litlens)
      }
    }
    return output
  }

  /// RFC 1951, 3.2.5.
  static let lengthBases = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  static func lengthExtraBits(_ index: Int) -> Int { index < 8 || index == 28 ? 0 : index / 4 - 1 }
}

private func inflateByKernels(_ stream: [UInt8], count: Int, _ check: inout KernelCheck) -> [UInt8] {
  let padded = stream + [UInt8](repeating: 0, count: 2 * InflateTables.readAhead)
  var output = [UInt8](repeating: 0, count: count + InflateTables.writeAhead)
  var tables = [UInt32](repeating: 0, count: InflateTables.entries)
  var scratch = [UInt32](repeating: 0, count: InflateTables.scratchWords)
  var state = cpi_inflate_state()
  var bit = 0
  var isLast = false
  while !isLast {
    var header = PlainInflater(padded, bit: bit)
    isLast = header.number(1) == 1
    _ = header.number(2)
    let (litlens, offsets) = header.codeLengths()
    let hasCodes =
      makeLitlenTable(lengths: litlens, count: litlens.count, tables: &tables, scratch: &scratch)
      && makeOffsetTable(lengths: offsets, count: offsets.count, tables: &tables, scratch: &scratch)
    check.expect(hasCodes, "the lengths of a block make codes")
    check.record(tables)
    let left = (8 - header.bit % 8) % 8
    state.position = (header.bit + 7) / 8
    state.bits_left = UInt64(left)
    state.bitbuf = left == 0 ? 0 : UInt64(padded[state.position - 1] >> UInt8(8 - left))
    let stop = inflateSymbols(
      input: padded, inputEnd: padded.count, output: &output, outputEnd: count + 1, tables: tables, state: &state)
    check.expect(stop == .CPI_INFLATE_END_OF_BLOCK, "the end of a block")
    if stop != .CPI_INFLATE_END_OF_BLOCK { break }
    bit = state.position * 8 - Int(state.bits_left)
  }
  return Array(output.prefix(state.written))
}

@Sendable
private func noCodes(_ check: inout KernelCheck) {
  var tables = [UInt32](repeating: 0, count: InflateTables.entries)
  var scratch = [UInt32](repeating: 0, count: InflateTables.scratchWords)
  let lists: [(lengths: [UInt8], isCode: Bool)] = [
    ([1, 1], true), ([1, 1, 1], false), ([1, 2], false), ([2, 2, 2, 2], true), ([2, 2, 2], false), ([0, 1], true),
    ([0, 2], false), ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15], true),
    ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], false), ([0, 0], true),
  ]
  for (index, (lengths, isCode)) in lists.enumerated() {
    let isLitlenCode = makeLitlenTable(lengths: lengths, count: lengths.count, tables: &tables, scratch: &scratch)
    let isOffsetCode = makeOffsetTable(lengths: lengths, count: lengths.count, tables: &tables, scratch: &scratch)
    check.expect([isLitlenCode ? 1 : 0, isOffsetCode ? 1 : 0], is: isCode ? [1, 1] : [0, 0], "list \(index)")
  }
}

/// For any 15 bits, the kernels and a plain reader of RFC 1951 agree whether the first symbol is a literal. The codes are the fixed code
/// and a code with codewords of all lengths, of which the longest ones are in a subtable.
@Sendable
private func literals(_ check: inout KernelCheck) {
  let fixed = [(8, 144), (9, 112), (7, 24), (8, 8)].flatMap { [UInt8](repeating: $0.0, count: $0.1) }
  var steep = [UInt8](repeating: 0, count: 288)
  for (index, symbol) in [256, 0, 285, 1, 257, 2, 270, 3, 260, 255, 284, 4, 258, 128, 259, 254].enumerated() {
    steep[symbol] = UInt8(min(index + 1, 15))
  }
  for (name, lengths) in [("the fixed code", fixed), ("codewords of all lengths", steep)] {
    var tables = [UInt32](repeating: 0, count: InflateTables.entries)
    var scratch = [UInt32](repeating: 0, count: InflateTables.scratchWords)
    check.expect(
      [makeLitlenTable(lengths: lengths, count: lengths.count, tables: &tables, scratch: &scratch) ? 1 : 0], is: [1],
      name)
    let code = PlainCode(lengths)
    var (actual, expected): ([UInt8], [UInt8]) = ([], [])
    for bits in 0..<1 << 15 {
      // The bits after the symbol must have no effect.
      let following = UInt64(bits & 1) &* 0xFFFF_FFFF_FFFF_8000
      actual.append(InflateTables.beginsWithLiteral(tables, bits: UInt64(bits) | following) ? 1 : 0)
      var reader = PlainInflater([UInt8(bits & 255), UInt8(bits >> 8)])
      expected.append(reader.symbol(code) < 256 ? 1 : 0)
    }
    check.expect(actual, is: expected, name)
  }
}

/// The index of each entry begins with the codeword of the entry's symbol. The expected symbols come from a plain reader of RFC 1951.
@Sendable
private func precodes(_ check: inout KernelCheck) {
  let lists: [(lengths: [UInt8], isCode: Bool)] = [
    ([1, 1], true), ([2, 0, 2, 1], true), ([1, 2, 3, 4, 5, 6, 7, 7], true), ([], true), ([1], false), ([1, 2], false),
    ([1, 1, 1], false), ([7, 7], false),
  ]
  for (index, (list, isCode)) in lists.enumerated() {
    let lengths = list + [UInt8](repeating: 0, count: 19 - list.count)
    var table = [UInt32](repeating: 0, count: InflateTables.precodeEntries)
    var scratch = [UInt32](repeating: 0, count: InflateTables.scratchWords)
    let isMade = makePrecodeTable(lengths: lengths, table: &table, scratch: &scratch)
    check.expect([isMade ? 1 : 0], is: [isCode ? 1 : 0], "list \(index)")
    guard isMade else { continue }
    check.record(table)
    let code = PlainCode(lengths)
    for bits in 0..<InflateTables.precodeEntries {
      var reader = PlainInflater([UInt8(bits)])
      let symbol = reader.symbol(code)
      // If no symbol has a code, each single bit is read as the symbol 0.
      let expected = list.isEmpty ? 1 : symbol << 4 | reader.bit
      check.expect([Int(table[bits])], is: [expected], "list \(index), bits \(bits)")
    }
  }
}

@Sendable
private func lengths(_ check: inout KernelCheck) {
  for index in 0..<29 {
    let (base, extraBits) = matchLength(index)
    let expected = [PlainInflater.lengthBases[index], PlainInflater.lengthExtraBits(index)]
    check.expect([base, extraBits], is: expected, "length symbol \(index)")
  }
}
