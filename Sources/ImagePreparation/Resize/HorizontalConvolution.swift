internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// The horizontal convolution of the passes with 16-bit weights: rows of centered 16-bit samples, a group at a time, with its buffers.
@safe final class HorizontalConvolution {
  /// Rows that are taken at a time.
  let rowsPerGroup: Int
  /// Samples of a column of lanes.
  let lanes: Int

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let bits: ResamplingPlan.WeightBits
  private let weights: AlignedBuffer<Int16>
  private let firstPairs: AlignedBuffer<Int32>
  private let pairsPerWindow: Int
  private let sourcePairs: Int
  private let columns: AlignedBuffer<Int32>

  init(plan: ResamplingPlan, bits: ResamplingPlan.WeightBits, kernels: KernelTable) {
    self.plan = plan
    self.kernels = kernels
    self.bits = bits
    rowsPerGroup = Self.rowsPerGroup(channels: plan.channels)
    // Windows have to begin at an even column, so a window may get a zero at its beginning.
    let horizontal = plan.horizontal
    pairsPerWindow = horizontal.longestWindow / 2 + 1
    let integers = plan.quantized.horizontal.integers
    weights = AlignedBuffer(count: horizontal.outputCount * pairsPerWindow * 2, zeroed: true)
    firstPairs = AlignedBuffer(count: horizontal.outputCount, zeroed: true)
    for (i, window) in horizontal.windows.enumerated() {
      let start = horizontal.starts[i]
      unsafe firstPairs.base[i] = Int32(start / 2)
      for (k, position) in window.enumerated() {
        unsafe weights.base[i * pairsPerWindow * 2 + start % 2 + k] = Int16(integers[position])
      }
    }
    sourcePairs = (plan.input.width + 1) / 2
    // Windows at the right edge reach past the last pair, with zero weights.
    lanes = HorizontalLanes.count(channels: plan.channels)
    columns = AlignedBuffer(count: (sourcePairs + pairsPerWindow) * lanes, zeroed: true)
  }

  static func rowsPerGroup(channels: Int) -> Int {
    HorizontalLanes.count(channels: channels) / HorizontalLanes.perRow(channels: channels)
  }

  /// Samples from one row to the next within a column of lanes.
  var lanesPerRow: Int { lanes / rowsPerGroup }

  /// The distance in samples between the beginnings of two rows of `width` pixels, with padding that whole vectors may read and write.
  static func rowStride(width: Int, channels: Int) -> Int { (width * channels + 16 + 63) / 64 * 64 }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    (plan.input.width / 2 + 1 + plan.horizontal.longestWindow) * HorizontalLanes.count(channels: plan.channels) * 4
      + plan.output.width * (plan.horizontal.longestWindow * 2 + 8)
  }

  /// Convolves the group's rows to lanes of samples.
  ///
  /// - Parameters:
  ///   - rows: The first row.
  ///   - stride: The distance in samples between the beginnings of two rows.
  ///   - kernel: The kernel for the result's samples.
  ///   - fractionBits: The sums' fraction bits that the result does not have.
  ///   - output: A column of lanes for each output column.
  func convolve(
    rows: UnsafePointer<Int16>, stride: Int, _ kernel: cpi_convolve_rows, fractionBits: Int,
    output: UnsafeMutableRawPointer
  ) {
    unsafe kernels.resize.interleave_columns(rows, stride, plan.channels, sourcePairs, columns.base)
    let half: Int32 = fractionBits == 0 ? 0 : 1 << Int32(fractionBits - 1)
    unsafe kernel(
      cpi_row_convolution(
        lanes: lanes, columns: columns.base, first_pairs: firstPairs.base, weights: weights.base, pairs: pairsPerWindow,
        output_count: plan.output.width, start: half, pair_shift: bits.pairShift, shift: Int32(fractionBits),
        output: output))
  }
}
