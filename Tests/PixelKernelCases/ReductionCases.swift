import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Cases of kernels that find a smaller form of the same pixels.
func reductionCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for channels in [3, 4] {
    cases.append(KernelCase("isGray, isGrayOfWords: \(channels) channels") { gray(channels, &$0) })
  }
  for pixelBytes in 1...8 {
    cases.append(KernelCase("countRepeats: \(pixelBytes) bytes a pixel") { repeats(pixelBytes, &$0) })
  }
  for channels in 1...4 {
    cases.append(KernelCase("collectColors, indexPixels: \(channels) channels") { palette(channels, &$0) })
  }
  for depth in [1, 2, 4] {
    cases.append(KernelCase("packSamples: \(depth) bits") { pack(depth, &$0) })
  }
  return cases
}

private func gray(_ channels: Int, _ check: inout KernelCheck) {
  for count in [1, 16, 45] {
    let pixels = (0..<count * channels).map { i in
      UInt8(truncatingIfNeeded: i % channels == 3 ? i : i / channels * 37)
    }
    let words = pixels.map { UInt16($0) * 257 }
    check.expect([isGray(pixels, channels: channels, count: count) ? 1 : 0], is: [1], "\(count) pixels")
    check.expect([isGrayOfWords(words, channels: channels, count: count) ? 1 : 0], is: [1], "\(count) pixels of words")
    for sample in 0..<count * channels where sample % channels < 3 {
      var (colored, coloredWords) = (pixels, words)
      colored[sample] &+= 1
      coloredWords[sample] ^= sample % 2 == 0 ? 1 : 1 << 15
      check.expect([isGray(colored, channels: channels, count: count) ? 1 : 0], is: [0], "with a color at \(sample)")
      check.expect(
        [isGrayOfWords(coloredWords, channels: channels, count: count) ? 1 : 0], is: [0], "with a word at \(sample)")
    }
  }
}

private func repeats(_ pixelBytes: Int, _ check: inout KernelCheck) {
  // Counts up to 255 groups of 32 bytes, and beyond.
  for count in [0, 1, 31, 32, 33, 100, 8_160, 8_161, 17_000] {
    var random = SplitMix64(seed: UInt64(count * 10 + pixelBytes))
    var pixels = (0..<pixelBytes).map { UInt8($0) }
    var expected = 0
    for _ in 0..<count {
      var pixel = Array(pixels.suffix(pixelBytes))
      // One byte in three pixels of four, so that each byte of a pixel decides once; otherwise the pixel is repeated.
      if UInt8.random(in: 0...3, using: &random) == 0 {
        expected += 1
      } else {
        pixel[Int.random(in: 0..<pixelBytes, using: &random)] &+= 1
      }
      pixels += pixel
    }
    let found = pixels.withUnsafeBufferPointer {
      countRepeats($0.baseAddress! + pixelBytes, pixelBytes: pixelBytes, count: count)
    }
    check.expect([found], is: [expected], "\(count) pixels")
  }
}

private func palette(_ channels: Int, _ check: inout KernelCheck) {
  for limit in [1, 2, 200, 256, 257] where limit < 257 || channels > 1 {
    var random = SplitMix64(seed: UInt64(limit * 10 + channels))
    // The pixels have `limit` different colors, in runs.
    let (factor, mask) = (channels == 1 ? 1 : 131, UInt32.max >> UInt32(32 - 8 * channels))
    let colors = (0..<limit).map { UInt32($0 * factor) & mask }
    var chosen = colors
    for _ in 0..<300 {
      chosen += [UInt32](repeating: colors[Int.random(in: 0..<limit, using: &random)], count: 3)
    }
    let pixels = chosen.flatMap { color in (0..<channels).map { UInt8(truncatingIfNeeded: color >> UInt32(8 * $0)) } }
    var table = [UInt64](repeating: 0, count: ColorTable.entries)
    var found = [UInt32](repeating: 0, count: ColorTable.colors)
    let count = collectColors(pixels, channels: channels, count: chosen.count, table: &table, colors: &found)
    check.expect([count], is: [limit], "\(limit) colors")
    if count > ColorTable.colors { continue }
    check.expect(Array(found.prefix(count)), is: colors, "\(limit) colors, in their order")
    let places = (0..<256).map { UInt8(255 - $0) }
    var indices = [UInt8](repeating: 1, count: chosen.count)
    indexPixels(pixels, channels: channels, count: chosen.count, table: table, places: places, output: &indices)
    check.expect(indices, is: chosen.map { places[colors.firstIndex(of: $0)!] }, "\(limit) colors, indices")
  }
}

private func pack(_ depth: Int, _ check: inout KernelCheck) {
  for count in [1, 7, 8, 33] {
    for shift in [0, 8 - depth] {
      let samples = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 91) }
      let size = (count * depth + 7) / 8
      var actual = [UInt8](repeating: 1, count: size + 1)
      packSamples(samples, count: count, depth: depth, shift: shift, output: &actual)
      var expected = [UInt8](repeating: 0, count: size)
      for bit in 0..<count * depth {
        let value = samples[bit / depth] >> UInt8(shift + depth - 1 - bit % depth) & 1
        expected[bit / 8] |= value << UInt8(7 - bit % 8)
      }
      check.expect(actual, is: expected + [1], "\(count) samples, shift \(shift)")
    }
  }
}
