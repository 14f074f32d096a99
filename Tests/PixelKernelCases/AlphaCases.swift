import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

func alphaCases() -> [KernelCase] {
  var cases = [
    KernelCase("widenBytes, scaleToFine, centerBytes, narrowToBytes", scales),
    KernelCase("premultiplyWords", premultiplyWordsOnce), KernelCase("unpremultiplyWords", unpremultiplyWordsOnce),
  ]
  for channels in [2, 4] {
    cases.append(KernelCase("premultiplyCentered: \(channels) channels") { premultiplyToCenter(channels, &$0) })
    cases.append(KernelCase("premultiplyBytes: \(channels) channels") { premultiplyToProducts(channels, &$0) })
    cases.append(KernelCase("unpremultiplyProducts: \(channels) channels") { unpremultiplyFromProducts(channels, &$0) })
    cases.append(KernelCase("unpremultiplySums: \(channels) channels") { unpremultiplyFromSums(channels, &$0) })
    cases.append(KernelCase("clearTransparent: \(channels) channels") { clear(channels, &$0) })
  }
  return cases
}

@Sendable
private func scales(_ check: inout KernelCheck) {
  for count in [1, 15, 16, 33, 256] {
    let bytes = (0..<count).map { UInt8($0) }
    var words = [UInt16](repeating: 1, count: count + 1)
    widenBytes(bytes, count: count, output: &words)
    check.expect(words, is: bytes.map { UInt16($0) } + [1], "\(count) bytes widened")
    var back = [UInt8](repeating: 1, count: count + 1)
    narrowToBytes(words, count: count, output: &back)
    check.expect(back, is: bytes + [1], "\(count) words narrowed")
    scaleToFine(bytes, count: count, output: &words)
    check.expect(words, is: bytes.map { UInt16($0) * 256 } + [1], "\(count) bytes scaled")
    var centered = [Int16](repeating: 1, count: count + 1)
    centerBytes(bytes, count: count, output: &centered)
    check.expect(centered, is: bytes.map { (Int16($0) - 128) * 128 } + [1], "\(count) bytes centered")
  }
}

/// Every color with every alpha.
private func everyPixel(_ channels: Int) -> [UInt8] {
  (0..<65_536).flatMap { i in
    [UInt8](repeating: UInt8(truncatingIfNeeded: i), count: channels - 1) + [UInt8(truncatingIfNeeded: i >> 8)]
  }
}

/// The kernel is exact for opaque and empty pixels, and within 0.75/128 for others.
private func premultiplyToCenter(_ channels: Int, _ check: inout KernelCheck) {
  let pixels = everyPixel(channels)
  var expected = [Int16](repeating: 2, count: pixels.count)
  premultiplyCenteredReference(pixels, channels: channels, from: 0, count: pixels.count, output: &expected)
  var furthest = 0.0
  var isExact = true
  for i in stride(from: 0, to: pixels.count, by: channels) {
    let alpha = pixels[i + channels - 1]
    for c in 0..<channels {
      let color = c == channels - 1 ? 255 : Double(pixels[i + c])
      let error = abs(Double(expected[i + c]) - 128 * (color * Double(alpha) / 255 - 128))
      furthest = max(furthest, error)
      if (alpha == 0 || alpha == 255) && error > 1e-9 { isExact = false }
    }
  }
  check.expect(furthest <= 0.75, "the definition is within 0.75/128")
  check.expect(isExact, "the definition is exact for opaque and empty pixels")
  for count in [1, 3, 9, 65_536] {
    var actual = [Int16](repeating: 1, count: count * channels)
    premultiplyCentered(pixels, channels: channels, pixels: count, output: &actual)
    check.expect(actual, is: Array(expected.prefix(count * channels)), "\(count) pixels")
  }
}

private func premultiplyToProducts(_ channels: Int, _ check: inout KernelCheck) {
  let pixels = everyPixel(channels)
  var actual = [UInt16](repeating: 1, count: pixels.count)
  premultiplyBytes(pixels, channels: channels, pixels: 65_536, output: &actual)
  let expected = (0..<pixels.count).map { i in
    let alpha = UInt16(pixels[i / channels * channels + channels - 1])
    return alpha * (i % channels == channels - 1 ? 255 : UInt16(pixels[i]))
  }
  check.expect(actual, is: expected, "every pixel")
}

/// No quotient is so close to a half that the definition could round it to the other side.
private func unpremultiplyFromProducts(_ channels: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(channels))
  var input: [UInt16] = []
  for x in 0..<4_000 {
    let product = x % 5 == 0 ? UInt16(x % 3 * 100) : UInt16.random(in: 0...65_025, using: &random)
    for _ in 1..<channels { input.append(UInt16.random(in: 0...65_025, using: &random)) }
    input.append(product)
  }
  var actual = [UInt8](repeating: 1, count: input.count)
  unpremultiplyProducts(input, channels: channels, pixels: 4_000, output: &actual)
  let expected = (0..<input.count).map { i in
    let product = Double(input[i / channels * channels + channels - 1])
    let alpha = UInt8(product / 255 + 0.5)
    if i % channels == channels - 1 || alpha == 0 { return alpha }
    return UInt8(min(255, (Double(input[i]) * 255 / product + 0.5)))
  }
  check.expect(actual, is: expected, "4,000 pixels")
}

private func words(seed: UInt64) -> [UInt16] {
  var random = SplitMix64(seed: seed)
  return (0..<4_000).map { i in
    i % 16 == 3 ? 0 : i % 16 == 7 ? 65_535 : UInt16.random(in: 0...65_535, using: &random)
  }
}

@Sendable
private func premultiplyWordsOnce(_ check: inout KernelCheck) {
  for channels in [2, 4] {
    let input = words(seed: UInt64(channels))
    var actual = input
    premultiplyWords(&actual, channels: channels, pixels: input.count / channels)
    let expected = (0..<input.count).map { i in
      let alpha = Double(input[i / channels * channels + channels - 1])
      return i % channels == channels - 1 ? input[i] : UInt16(Double(input[i]) * alpha / 65_535 + 0.5)
    }
    check.expect(actual, is: expected, "\(channels) channels")
  }
}

@Sendable
private func unpremultiplyWordsOnce(_ check: inout KernelCheck) {
  for channels in [2, 4] {
    let input = words(seed: UInt64(channels))
    var actual = input
    unpremultiplyWords(&actual, channels: channels, pixels: input.count / channels)
    let expected = (0..<input.count).map { i in
      let alpha = Double(input[i / channels * channels + channels - 1])
      if i % channels == channels - 1 || alpha == 0 { return UInt16(alpha) }
      return UInt16(min(65_535, Double(input[i]) * 65_535 / alpha + 0.5))
    }
    check.expect(actual, is: expected, "\(channels) channels")
  }
}

/// Some sums are below 0, and some are above the largest value. If a quotient is exactly between two values, single precision may round it
/// to either side.
private func unpremultiplyFromSums(_ channels: Int, _ check: inout KernelCheck) {
  let pixels = 1_000
  for shift in [7, 14, 22] {
    var random = SplitMix64(seed: UInt64(channels * 100 + shift))
    let limit = Int32(truncatingIfNeeded: 150 << shift)
    var sums = (0..<pixels * 16).map { _ in Int32.random(in: -limit...limit, using: &random) }
    // An alpha of 0 is stored as −128.
    for x in stride(from: 0, to: pixels, by: 9) { sums[x * 16 + channels - 1] = -128 << Int32(shift) }
    var exact: [Double] = []
    for x in 0..<pixels {
      let lane = x * 16
      let values = (0..<channels).map { (c: Int) -> Double in Double(sums[lane + c]) / Double(1 << shift) + 128 }
      let alpha = values[channels - 1]
      for c in 0..<channels - 1 { exact.append(alpha < 0.5 ? 0 : values[c] * 255 / alpha) }
      exact.append(alpha)
    }
    var actual = [UInt8](repeating: 1, count: pixels * channels)
    unpremultiplySums(
      sums, step: 16, channels: channels, pixels: pixels, shift: shift, output: &actual)
    check.expect(actual, within: 0.501, of: exact, largest: 255, "shift \(shift)")
  }
}

private func clear(_ channels: Int, _ check: inout KernelCheck) {
  let pixels = 50
  let words = words(seed: UInt64(channels)).prefix(pixels * channels).map { $0 }
  let isClear = (0..<pixels).map { words[$0 * channels + channels - 1] & 255 == 0 }
  var actual = words
  clearTransparent(&actual, sampleBytes: 2, channels: channels, pixels: pixels)
  let expected = (0..<words.count).map { words[$0 / channels * channels + channels - 1] == 0 ? 0 : words[$0] }
  check.expect(actual, is: expected, "words")
  let bytes = words.map { UInt8(truncatingIfNeeded: $0) }
  var actualBytes = bytes
  clearTransparent(&actualBytes, sampleBytes: 1, channels: channels, pixels: pixels)
  check.expect(actualBytes, is: (0..<bytes.count).map { isClear[$0 / channels] ? 0 : bytes[$0] }, "bytes")
}
