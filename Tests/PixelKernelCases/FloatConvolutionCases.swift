import CPixelIntrinsics
import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

func floatConvolutionCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for taps in [1, 4, 6, 31, 32, 33, 70] {
    for width in [1, 15, 16, 31, 32, 67] {
      cases.append(KernelCase("convolveFloatColumns: \(width) samples, \(taps) rows") { columns(width, taps, &$0) })
    }
    for channels in 2...4 {
      cases.append(KernelCase("convolveFloatRows: \(channels) channels, \(taps) taps") { rows(channels, taps, &$0) })
    }
  }
  for taps in [4, 8, 32, 36, 72] {
    cases.append(KernelCase("convolveFloatRows: 1 channel, \(taps) taps") { rows(1, taps, &$0) })
  }
  cases.append(KernelCase("centerWords, roundFloats", scales))
  for channels in [2, 4] {
    cases.append(KernelCase("premultiplyToFloats: \(channels) channels") { premultiply(channels, &$0) })
    cases.append(KernelCase("unpremultiplyFloats: \(channels) channels") { unpremultiply(channels, &$0) })
  }
  return cases
}

private func columns(_ width: Int, _ taps: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(width * 100 + taps))
  let samples = (0..<taps).map { _ in (0..<width).map { _ in sample(&random) } }
  let weights = (0..<taps).map { _ in weight(&random) }
  var outputs: [[UInt32]] = []
  for run in [convolveFloatColumns, { convolveFloatColumnsReference($0, from: 0) }] {
    var output = [Float](repeating: 1, count: width)
    withRows(samples) { rows in
      weights.withUnsafeBufferPointer { weights in
        output.withUnsafeMutableBufferPointer { output in
          run(
            cpi_float_column_convolution(
              rows: rows, weights: weights.baseAddress!, taps: taps, count: width, output: output.baseAddress!))
        }
      }
    }
    outputs.append(output.map { $0.bitPattern })
  }
  check.expect(outputs[0], is: outputs[1], "bits")
}

private func rows(_ channels: Int, _ taps: Int, _ check: inout KernelCheck) {
  let (width, count) = (taps + 20, 17)
  let (rowSamples, resultSamples) = (width * channels + 4, count * channels)
  var random = SplitMix64(seed: UInt64(channels * 100 + taps))
  let samples = (0..<4 * rowSamples).map { _ in sample(&random) }
  let weights = (0..<taps * count).map { _ in weight(&random) }
  let starts = (0..<count).map { Int32($0) }
  var outputs: [[UInt32]] = []
  for run in [convolveFloatRows, convolveFloatRowsReference] {
    var output = [Float](repeating: 1, count: 4 * (resultSamples + 4))
    samples.withUnsafeBufferPointer { samples in
      weights.withUnsafeBufferPointer { weights in
        starts.withUnsafeBufferPointer { starts in
          output.withUnsafeMutableBufferPointer { output in
            run(
              cpi_float_row_convolution(
                rows: samples.baseAddress!, stride: rowSamples, channels: channels, starts: starts.baseAddress!,
                weights: weights.baseAddress!, taps: taps, output_count: count, output: output.baseAddress!,
                output_stride: resultSamples + 4))
          }
        }
      }
    }
    // Samples past the end of a row are not results.
    outputs.append((0..<4 * resultSamples).map { output[$0 / resultSamples * 4 + $0].bitPattern })
  }
  check.expect(outputs[0], is: outputs[1], "bits")
}

private func sample(_ random: inout SplitMix64) -> Float {
  Float(Int32(truncatingIfNeeded: random.next() >> 48) - 32_768)
}
private func weight(_ random: inout SplitMix64) -> Float {
  Float(Int32(truncatingIfNeeded: random.next() >> 40)) * 0x1p-24 - 0.25
}

@Sendable
private func scales(_ check: inout KernelCheck) {
  let words = (0..<65_536).map { UInt16($0) }
  var floats = [Float](repeating: 0.5, count: words.count + 1)
  centerWords(words, count: words.count, output: &floats)
  check.expect(
    floats.map { $0.bitPattern }, is: words.map { Float(Int32($0) - 32_768).bitPattern } + [Float(0.5).bitPattern],
    "centered")
  var back = [UInt16](repeating: 1, count: words.count + 1)
  roundFloats(floats, count: words.count, output: &back)
  check.expect(back, is: words + [1], "rounded")
  let extreme: [Float] = [-1e9, -32_768.6, -32_767.6, -0.4, 0.4, 32_766.6, 32_767.6, 1e9]
  var clamped = [UInt16](repeating: 1, count: extreme.count)
  roundFloats(extreme, count: extreme.count, output: &clamped)
  check.expect(clamped, is: [0, 0, 0, 32_768, 32_768, 65_535, 65_535, 65_535], "clamped")
}

private func premultiply(_ channels: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(channels))
  let pixels = 77
  let words = (0..<pixels * channels).map { _ in UInt16(truncatingIfNeeded: random.next()) }
  var floats = [Float](repeating: 0.5, count: words.count)
  premultiplyToFloats(words, channels: channels, pixels: pixels, output: &floats)
  let expected = (0..<words.count).map { (i: Int) -> UInt32 in
    let alpha = Float(Int32(words[i / channels * channels + channels - 1]))
    let color = Float(Int32(words[i]))
    return (i % channels == channels - 1 ? alpha - 32_768 : color * alpha * (1 / 65_535) - 32_768).bitPattern
  }
  check.expect(floats.map { $0.bitPattern }, is: expected, "bits")
}

private func unpremultiply(_ channels: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(channels))
  let pixels = 200
  var floats = (0..<pixels * channels).map { _ in sample(&random) * 1.2 }
  for x in stride(from: 0, to: pixels, by: 9) { floats[x * channels + channels - 1] = -32_768 }
  var exact: [Double] = []
  for i in 0..<floats.count {
    let alpha = Double(floats[i / channels * channels + channels - 1]) + 32_768
    let value = Double(floats[i]) + 32_768
    exact.append(i % channels == channels - 1 ? value : alpha < 0.5 ? 0 : value * 65_535 / alpha)
  }
  var actual = [UInt16](repeating: 1, count: floats.count)
  unpremultiplyFloats(floats, channels: channels, pixels: pixels, output: &actual)
  check.expect(actual, within: 0.51, of: exact, largest: 65_535, "\(pixels) pixels")
}
