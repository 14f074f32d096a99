import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Entropy-coded segments of JPEG, which are made exactly as ITU-T T.81, F.1.2 describes.
func entropyDecodingCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for (name, lengths) in entropyCodeLengths() {
    for last in [0, 1, 5, 63] {
      cases.append(KernelCase("decodeMCUs: \(name), coefficients up to \(last)") { decode(lengths, last, &$0) })
    }
  }
  for count in [1, 7, 8, 9, 64, 200] {
    cases.append(KernelCase("removeStuffing: \(count) bytes") { unstuff(count, &$0) })
  }
  return cases
}

/// The lengths of the codes of all 256 symbols. Neither the last symbol nor the code of only ones is used.
func entropyCodeLengths() -> [(name: String, lengths: [Int])] {
  // Small coefficients after short runs have short codes, so that one look-up in the table finds two of them.
  let skewed = (0..<256).map { symbol in
    symbol == 0x01
      ? 2 : symbol == 0x02 ? 3 : symbol == 0x00 ? 3 : symbol == 0x11 ? 4 : symbol == 0x03 ? 5 : symbol < 16 ? 9 : 12
  }
  return [
    ("codes of 9 bits", [Int](repeating: 9, count: 256)), ("codes of 2 to 12 bits", skewed),
    ("codes of 16 bits", [Int](repeating: 16, count: 256)),
  ]
}

/// A symbol's code: T.81 annex C.
func entropyCodes(_ lengths: [Int]) -> [Int] {
  var codes = [Int](repeating: 0, count: lengths.count)
  var code = 0
  for length in 1...16 {
    for symbol in 0..<lengths.count where lengths[symbol] == length {
      codes[symbol] = code
      code += 1
    }
    code *= 2
  }
  return codes
}

/// The number of bits of a coefficient's magnitude, and the bits that follow its code.
func magnitudeBits(_ value: Int) -> (size: Int, bits: Int) {
  var size = 0
  while abs(value) >> size > 0 { size += 1 }
  return (size, value < 0 ? value + 1 << size - 1 : value)
}

/// The natural index of each zigzag position (T.81 figure 5).
let zigzagOrder: [UInt8] = {
  (0..<64).map { UInt8($0) }.sorted { a, b in
    let (p, q) = (a / 8 + a % 8, b / 8 + b % 8)
    return p != q ? p < q : (p % 2 == 0 ? a % 8 < b % 8 : a % 8 > b % 8)
  }
}()

/// The kinds of symbols that a decoding table is made for.
enum EntropySymbols { case dc, ac, acBand, acRefinement }

/// The decoding table of a code, which is made as the description of ``HuffmanTable`` requires.
func entropyTable(_ lengths: [Int], _ kind: EntropySymbols, lowBit: Int = 0) -> [UInt64] {
  let isDC = kind == .dc
  let indexBits = HuffmanTable.indexBits
  let codes = entropyCodes(lengths)
  var table = [UInt64](repeating: 0, count: HuffmanTable.entries)
  for k in 0..<64 { table[HuffmanTable.bounds + k] = 2_000 }
  for index in 0..<1 << indexBits { table[index] = HuffmanTable.isSlow }
  var order: [Int] = []
  for length in 1...16 {
    for symbol in 0..<256 where lengths[symbol] == length { order.append(symbol) }
  }
  for (place, symbol) in order.enumerated() {
    table[HuffmanTable.symbols + place] = UInt64(symbol)
    let length = lengths[symbol]
    if length > indexBits {
      let k = length - indexBits - 1
      table[HuffmanTable.limits + k] = UInt64(codes[symbol] + 1) << UInt64(16 - length)
      let first = order.firstIndex { lengths[$0] == length }!
      table[HuffmanTable.offsets + k] = UInt64(bitPattern: Int64(first - codes[order[first]]))
      continue
    }
    let tailBits = indexBits - length
    for tail in 0..<1 << tailBits {
      let index = codes[symbol] << tailBits | tail
      let size = isDC ? symbol : symbol & 15
      if !isDC && size == 0 && (kind == .ac || symbol == 0 || symbol == 0xF0) {
        table[index] = UInt64(length | (symbol == 0xF0 ? 16 : HuffmanTable.blockEnd) << 8)
      } else if size > tailBits || !isDC && size == 0 || kind == .acRefinement && size > 1 {
        table[index] = HuffmanTable.isSlow | UInt64(length | symbol << 8)
      } else {
        let raw = tail >> (tailBits - size)
        let value = size > 0 && raw >> (size - 1) == 0 ? raw - 1 << size + 1 : raw
        let word = UInt64(UInt16(truncatingIfNeeded: isDC ? value : value << lowBit))
        table[index] = UInt64(length + size | (isDC ? 0 : symbol >> 4 + 1) << 8) | word << 16 | word << 48
      }
    }
  }
  if kind == .acRefinement {
    let short = table[..<(1 << indexBits)].map { $0 & 0xFFFF_FFFF }
    for k in 0..<short.count / 2 { table[k] = short[2 * k] | short[2 * k + 1] << 32 }
    return table
  }
  if isDC { return table }
  let alone = table
  for index in 0..<1 << indexBits {
    let first = alone[index]
    if first & HuffmanTable.isSlow != 0 || first >> 8 & 0xFF == UInt64(HuffmanTable.blockEnd) { continue }
    let second = alone[index << Int(first & 0x3F) & (1 << indexBits - 1)]
    let bits = first & 0x3F + second & 0x3F
    if second & HuffmanTable.isSlow != 0 || bits > UInt64(indexBits) { continue }
    table[index] =
      first & 0xFFFF_FF00 | bits | (second >> 8 & 0xFF) << 32 | (second & 0x3F) << 40 | (second >> 16 & 0xFFFF) << 48
  }
  return table
}

private func decode(_ lengths: [Int], _ last: Int, _ check: inout KernelCheck) {
  let (mcuCount, blockCount) = (20, 3)
  var random = SplitMix64(seed: UInt64(last))
  let codes = entropyCodes(lengths)
  var expected: [Int16] = []
  var bits: [UInt8] = []
  func put(_ value: Int, _ count: Int) {
    for i in 0..<count { bits.append(UInt8(value >> (count - 1 - i) & 1)) }
  }
  var predictions = [0, 0]
  for block in 0..<mcuCount * blockCount {
    var coefficients = [Int16](repeating: 0, count: 64)
    // An MCU has two blocks of the first component and one of the second. Many coefficients are zero, and most others are small.
    let component = block % blockCount == 2 ? 1 : 0
    let direct = Int.random(in: -1_000...1_000, using: &random)
    coefficients[0] = Int16(direct)
    let (size, raw) = magnitudeBits(direct - predictions[component])
    predictions[component] = direct
    put(codes[size], lengths[size])
    put(raw, size)
    var run = 0
    for position in 1..<64 {
      let isZero = position > last || random.next() % 3 == 0 && position < 63 || block % 5 == 4 && position < 40
      if isZero {
        run += 1
        continue
      }
      let most = random.next() % 8 == 0 ? 900 : 3
      let value = Int.random(in: 1...most, using: &random) * (random.next() & 1 == 0 ? 1 : -1)
      while run > 15 {
        put(codes[0xF0], lengths[0xF0])
        run -= 16
      }
      let (size, raw) = magnitudeBits(value)
      put(codes[run << 4 | size], lengths[run << 4 | size])
      put(raw, size)
      run = 0
      coefficients[Int(zigzagOrder[position])] = Int16(value)
    }
    if run > 0 { put(codes[0], lengths[0]) }
    expected += coefficients
  }
  var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
  for i in 0..<bits.count { bytes[i / 8] |= bits[i] << UInt8(7 - i % 8) }
  let end = bytes.count
  bytes += [UInt8](repeating: 0, count: 8 + 10 * 64 * 31 / 8)

  var state = [UInt64](repeating: 0, count: EntropyState.words)
  var actual = [Int16](repeating: 99, count: mcuCount * blockCount * 64)
  let blocks = (0..<blockCount).flatMap { block in
    let component = block == 2 ? 1 : 0
    return [component, block * 64, blockCount * 64, 2 * component, 2 * component + 1]
  }
  let tables = entropyTable(lengths, .dc) + entropyTable(lengths, .ac)
  var done = 0
  // The MCUs are decoded in two parts, because strips are decoded in separate calls.
  for count in [7, mcuCount - 7] {
    done += decodeMCUs(
      bytes: bytes, end: end, limit: end, state: &state, blocks: blocks, blockCount: blockCount,
      tables: tables + tables,
      naturalOrder: zigzagOrder, first: done, count: count, coefficients: &actual)
  }
  check.expect([done], is: [mcuCount], "MCUs")
  check.expect(actual, is: expected, "coefficients")
  state = [UInt64](repeating: 0, count: EntropyState.words)
  let cut = decodeMCUs(
    bytes: bytes, end: end / 2, limit: end, state: &state, blocks: blocks, blockCount: blockCount,
    tables: tables + tables, naturalOrder: zigzagOrder, first: 0, count: mcuCount, coefficients: &actual)
  check.expect([cut], is: [-1], "an end within an MCU")
}

private func unstuff(_ count: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(count))
  for round in 0..<20 {
    var plain: [UInt8] = []
    var coded: [UInt8] = []
    while coded.count < count {
      let byte = random.next() % 4 == 0 ? UInt8(0xFF) : UInt8(truncatingIfNeeded: random.next())
      plain.append(byte)
      coded.append(byte)
      if byte == 0xFF { coded.append(0) }
    }
    let hasMarker = round % 2 == 0
    if hasMarker { coded += [0xFF, 0xD0, 0x11, 0x22] }
    var output = [UInt8](repeating: 1, count: coded.count + 8)
    var written = 0
    var atMarker = false
    let read = removeStuffing(
      input: coded, count: coded.count, output: &output, written: &written, atMarker: &atMarker)
    check.expect(
      [read, atMarker ? 1 : 0], is: [coded.count - (hasMarker ? 4 : 0), hasMarker ? 1 : 0], "round \(round)")
    check.expect(Array(output.prefix(written)), is: plain, "round \(round)")
  }
}
