import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// The cases of the kernels that expand unfiltered PNG rows to the rows that are delivered.
func expansionCases() -> [KernelCase] {
  var cases = [
    KernelCase("expandKeyedBytes", expandKeyed), KernelCase("swapWords", swap),
  ]
  for channels in [1, 3] {
    cases.append(KernelCase("expandKeyedWords: \(channels) channels") { expandKeyed(channels, &$0) })
  }
  for bits in [1, 2, 4, 8] {
    for channels in 1...4 {
      cases.append(KernelCase("expandIndices: \(bits) bits to \(channels) channels") { expand(bits, channels, &$0) })
    }
  }
  return cases
}

private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
}

private func expand(_ bits: Int, _ channels: Int, _ check: inout KernelCheck) {
  for count in [1, 7, 8, 33] {
    let source = bytes(count, seed: UInt64(bits * 10 + channels))
    let entries = (0..<256).map { UInt32(truncatingIfNeeded: $0 &* 0x9E37_79B1) }
    var actual = [UInt8](repeating: 1, count: count * channels + 3)
    expandIndices(source: source, bits: bits, entries: entries, channels: channels, count: count, output: &actual)
    var expected: [UInt8] = []
    for x in 0..<count {
      var index = 0
      for bit in x * bits..<(x + 1) * bits { index = index * 2 + Int(source[bit / 8] >> UInt8(7 - bit % 8) & 1) }
      for c in 0..<channels { expected.append(UInt8(truncatingIfNeeded: entries[index] >> UInt32(8 * c))) }
    }
    check.expect(Array(actual.prefix(count * channels)), is: expected, "\(count) pixels")
  }
}

@Sendable
private func expandKeyed(_ check: inout KernelCheck) {
  for count in [1, 5, 40] {
    // Two of every three pixels are the key, and the third one differs from the key in one sample.
    let key: [UInt16] = [10, 200, 30]
    let source = (0..<count * 3).map { i in UInt8(key[i % 3]) &+ (i % 9 == 5 ? 1 : 0) }
    var actual = [UInt8](repeating: 1, count: count * 4 + 1)
    expandKeyedBytes(source: source, key: key, count: count, output: &actual)
    let expected = (0..<count).flatMap { x in
      let pixel = Array(source[3 * x..<3 * x + 3])
      return pixel + [pixel.map { UInt16($0) } == key ? 0 : 255]
    }
    check.expect(actual, is: expected + [1], "\(count) pixels")
  }
}

private func word(_ bytes: [UInt8], _ i: Int) -> UInt16 { UInt16(bytes[2 * i]) << 8 | UInt16(bytes[2 * i + 1]) }

@Sendable
private func swap(_ check: inout KernelCheck) {
  for count in [1, 3, 4, 5, 16, 33] {
    let source = bytes(2 * count, seed: UInt64(count))
    var actual = [UInt16](repeating: 1, count: count + 1)
    actual.withUnsafeMutableBytes {
      swapWords(source: source, count: count, output: $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    check.expect(actual, is: (0..<count).map { word(source, $0) } + [1], "\(count) words")
  }
}

private func expandKeyed(_ channels: Int, _ check: inout KernelCheck) {
  for count in [1, 5, 40] {
    let key = (0..<channels).map { UInt16(0x1234 + $0 * 0x1111) }
    var source = bytes(2 * count * channels, seed: UInt64(count))
    for x in stride(from: 0, to: count, by: 3) {
      for c in 0..<channels {
        source[2 * (x * channels + c)] = UInt8(key[c] >> 8)
        source[2 * (x * channels + c) + 1] = UInt8(key[c] & 255)
      }
    }
    var actual = [UInt16](repeating: 1, count: count * (channels + 1) + 1)
    actual.withUnsafeMutableBytes {
      expandKeyedWords(
        source: source, key: key, channels: channels, count: count,
        output: $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    let expected = (0..<count).flatMap { x in
      let pixel = (0..<channels).map { word(source, x * channels + $0) }
      return pixel + [pixel == key ? 0 : 65_535]
    }
    check.expect(actual, is: expected + [1], "\(count) pixels")
  }
}
