internal import Ground
internal import PixelKernels

/// The horizontal pass of the narrow forms: rows of centered 16-bit samples with 16-bit weights, and its buffers.
@safe
final class HorizontalPass {
  /// Rows that are taken at a time.
  let rowsPerGroup: Int

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let weights: AlignedBuffer<Int16>
  private let firstPairs: AlignedBuffer<Int32>
  private let pairsPerWindow: Int
  private let sourcePairs: Int
  private let columns: AlignedBuffer<Int32>

  init(plan: ResamplingPlan, kernels: KernelTable) {
    self.plan = plan
    self.kernels = kernels
    rowsPerGroup = Self.rowsPerGroup(channels: plan.channels)
    // Windows begin at an even column, so a window may gain a leading zero too.
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
    columns = AlignedBuffer(count: (sourcePairs + pairsPerWindow) * horizontalLanes, zeroed: true)
  }

  static func rowsPerGroup(channels: Int) -> Int { horizontalLanes / (channels == 3 ? 4 : channels) }

  /// Sums from one row to the next within a column of lanes.
  var lanesPerRow: Int { horizontalLanes / rowsPerGroup }

  /// The distance in samples between the beginnings of two rows, with padding that whole vectors may read and write.
  static func rowStride(plan: ResamplingPlan) -> Int { (plan.input.width * plan.channels + 16 + 63) / 64 * 64 }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    (plan.input.width / 2 + 1 + plan.horizontal.longestWindow) * horizontalLanes * 4
      + plan.output.width * (plan.horizontal.longestWindow * 2 + 8)
  }

  /// Convolves the group's rows to lanes of bytes. `shift` is the number of the sums' fraction bits, `pairShift` the number of further
  /// fraction bits of the weights.
  func convolve(
    rows: UnsafePointer<Int16>, stride: Int, pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<UInt8>
  ) {
    unsafe layOut(rows: rows, stride: stride)
    unsafe kernels.convolveRows(
      columns.base, firstPairs.base, weights.base, pairsPerWindow, plan.output.width, pairShift, shift, output)
  }

  /// Convolves the group's rows to words of 256 times the value.
  func convolveFine(
    rows: UnsafePointer<Int16>, stride: Int, pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<UInt16>
  ) {
    unsafe layOut(rows: rows, stride: stride)
    unsafe kernels.convolveRowsFine(
      columns.base, firstPairs.base, weights.base, pairsPerWindow, plan.output.width, pairShift, shift, output)
  }

  /// Convolves the group's rows to the sums themselves.
  func convolveToSums(
    rows: UnsafePointer<Int16>, stride: Int, pairShift: Int32, output: UnsafeMutablePointer<Int32>
  ) {
    unsafe layOut(rows: rows, stride: stride)
    unsafe kernels.convolveRowsToSums(
      columns.base, firstPairs.base, weights.base, pairsPerWindow, plan.output.width, pairShift, output)
  }

  private func layOut(rows: UnsafePointer<Int16>, stride: Int) {
    unsafe kernels.interleaveColumns(rows, stride, plan.channels, sourcePairs, columns.base)
  }
}
