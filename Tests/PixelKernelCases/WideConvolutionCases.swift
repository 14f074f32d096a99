import CPixelIntrinsics
import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

func wideConvolutionCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for width in [1, 5, 64, 1_023, 1_030, 2_100] {
    cases.append(KernelCase("convolveColumnsWide: \(width) samples") { vertical(width, &$0) })
  }
  for channels in 1...4 {
    for maximum in [UInt16(65_025), 65_535] {
      for hasAlpha in channels % 2 == 0 ? [false, true] : [false] {
        let inputs = "\(channels) channels to \(maximum)\(hasAlpha ? " with alpha" : "")"
        cases.append(KernelCase("convolveRowWide: \(inputs)") { horizontal(channels, maximum, hasAlpha, &$0) })
      }
    }
  }
  return cases
}

private func vertical(_ width: Int, _ check: inout KernelCheck) {
  for (taps, shift) in [(1, Int64(1)), (6, 14), (25, 22)] {
    var random = SplitMix64(seed: UInt64(width * 100 + taps))
    let rows = (0..<taps).map { _ in (0..<width).map { _ in UInt16.random(in: 0...65_535, using: &random) } }
    // The weights are so small that the result fits into 32 bits.
    let most = Int32(1) << Int32(shift) / Int32(taps) &+ 1
    let weights = (0..<taps).map { _ in Int32.random(in: -most...most, using: &random) }
    var sums = [Int64](repeating: 5, count: width)
    var actual = [Int32](repeating: 1, count: width)
    withRows(rows) { rows in
      weights.withUnsafeBufferPointer { weights in
        sums.withUnsafeMutableBufferPointer { sums in
          actual.withUnsafeMutableBufferPointer { actual in
            convolveColumnsWide(
              cpi_wide_column_convolution(
                rows: rows, weights: weights.baseAddress!, taps: taps, count: width, shift: shift,
                sums: sums.baseAddress!, output: actual.baseAddress!))
          }
        }
      }
    }
    let expected = (0..<width).map { x in
      var sum = Int64(1) << (shift - 1)
      for k in 0..<taps { sum += Int64(weights[k]) * Int64(rows[k][x]) }
      return Int32(sum >> shift)
    }
    check.expect(actual, is: expected, "\(taps) rows, shift \(shift)")
  }
}

private func horizontal(_ channels: Int, _ maximum: UInt16, _ hasAlpha: Bool, _ check: inout KernelCheck) {
  let (width, taps, outputs, shift) = (40, 6, 19, Int64(20))
  var random = SplitMix64(seed: UInt64(channels) + UInt64(maximum))
  // Samples with 4 fraction bits. Some are below 0, and some are above the largest value.
  let row = (0..<width * channels).map { _ in Int32.random(in: -100_000...1_150_000, using: &random) }
  let starts = (0..<outputs).map { Int32($0 * (width - taps) / outputs) }
  let weights = (0..<outputs * taps).map { _ in Int32.random(in: -4_000...20_000, using: &random) }
  var actual = [UInt16](repeating: 1, count: outputs * channels)
  row.withUnsafeBufferPointer { row in
    starts.withUnsafeBufferPointer { starts in
      weights.withUnsafeBufferPointer { weights in
        actual.withUnsafeMutableBufferPointer { actual in
          convolveRowWide(
            cpi_wide_row_convolution(
              row: row.baseAddress!, channels: channels, starts: starts.baseAddress!, weights: weights.baseAddress!,
              taps: taps, output_count: outputs, shift: shift, maximum: maximum, has_alpha: hasAlpha,
              output: actual.baseAddress!))
        }
      }
    }
  }
  var expected: [UInt16] = []
  for i in 0..<outputs {
    let samples = (0..<channels).map { c in
      var sum = Int64(1) << (shift - 1)
      for k in 0..<taps { sum += Int64(weights[i * taps + k]) * Int64(row[(Int(starts[i]) + k) * channels + c]) }
      return sum >> shift
    }
    let alpha = samples[channels - 1]
    for c in 0..<channels {
      let isShrunk = hasAlpha && c < channels - 1 && alpha > Int64(maximum)
      let sample = isShrunk ? samples[c] * Int64(maximum) / alpha : samples[c]
      expected.append(UInt16(max(0, min(Int64(maximum), sample))))
    }
  }
  check.expect(actual, is: expected, "\(outputs) pixels")
}
