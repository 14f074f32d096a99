internal import CPixelIntrinsics
internal import Ground

/// The vertical convolution of the passes with 16-bit weights: one or two output rows of the rows in their windows.
@safe
struct VerticalConvolution: ~Copyable {
  /// Output rows that are made at a time, since neighboring windows share rows.
  static let rowsPerStep = 2

  private let plan: ResamplingPlan
  private let bits: ResamplingPlan.WeightBits
  private let weights: VerticalWeights
  private let rowPointers: AlignedBuffer<UnsafeRawPointer>

  init(plan: ResamplingPlan, bits: ResamplingPlan.WeightBits) {
    self.plan = plan
    self.bits = bits
    weights = VerticalWeights(plan: plan)
    unsafe rowPointers = AlignedBuffer(count: Self.longestSpan(plan: plan) + 2, zeroed: false)
  }

  /// The most rows that the windows of one step reach over.
  static func longestSpan(plan: ResamplingPlan) -> Int { plan.vertical.longestSpan(of: rowsPerStep) }

  static func bytesNeeded(plan: ResamplingPlan) -> Int { VerticalWeights.bytesNeeded(plan: plan) }

  /// The source rows of one or two output rows.
  func window(_ rows: Range<Int>) -> Range<Int> {
    let (first, last) = (plan.vertical.window(rows.lowerBound), plan.vertical.window(rows.upperBound - 1))
    return first.lowerBound..<max(first.upperBound, last.upperBound)
  }

  /// Convolves into `output` and, where there are two rows, `nextOutput`.
  ///
  /// - Parameters:
  ///   - rows: The output rows.
  ///   - kernel: The kernel for the rows' samples and the result's.
  ///   - count: Samples of a row.
  ///   - fractionBits: The sums' fraction bits that the result does not have.
  ///   - start: What is added to half of what is rounded away.
  ///   - output: The first output row.
  ///   - nextOutput: The second output row.
  ///   - row: The address of a row of the window.
  func convolve(
    _ rows: Range<Int>, _ kernel: cpi_convolve_columns, count: Int, fractionBits: Int, start: Int32,
    output: UnsafeMutableRawPointer, nextOutput: UnsafeMutableRawPointer, row: (Int) -> UnsafeRawPointer
  ) {
    let (first, last) = (plan.vertical.window(rows.lowerBound), plan.vertical.window(rows.upperBound - 1))
    let window = window(rows)
    let top = first.lowerBound / 2 * 2
    let end = (first.upperBound - top + 1) / 2 * 2
    let begin = rows.count == 2 ? last.lowerBound / 2 * 2 - top : end
    let taps = rows.count == 2 ? max(end, (last.upperBound - top + 1) / 2 * 2) : end
    for k in 0..<taps {
      // The zero weights at the ends read a row that exists.
      unsafe rowPointers.base[k] = row(min(max(top + k, window.lowerBound), window.upperBound - 1))
    }
    let half: Int32 = fractionBits == 0 ? 0 : 1 << Int32(fractionBits - 1)
    unsafe kernel(
      cpi_column_convolution(
        rows: rowPointers.base, taps: taps, weights: weights.row(rows.lowerBound), end: end,
        next_weights: weights.row(rows.upperBound - 1), begin: begin, count: count, start: start + half,
        pair_shift: bits.pairShift, shift: Int32(fractionBits), output: output, next_output: nextOutput))
  }
}

/// The 16-bit weights of the vertical convolution, laid out for pairs of rows: windows begin at an even row and have an even number of
/// taps, so they may gain a zero at either end.
@safe
struct VerticalWeights: ~Copyable {
  private let weights: AlignedBuffer<Int16>
  private let taps: Int

  init(plan: ResamplingPlan) {
    taps = plan.vertical.longestWindow / 2 * 2 + 2
    weights = AlignedBuffer(count: plan.vertical.outputCount * taps, zeroed: true)
    let integers = plan.quantized.vertical.integers
    for (i, window) in plan.vertical.windows.enumerated() {
      for (k, position) in window.enumerated() {
        unsafe weights.base[i * taps + plan.vertical.starts[i] % 2 + k] = Int16(integers[position])
      }
    }
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    plan.output.height * (plan.vertical.longestWindow * 2 + 2)
  }

  /// The weights of output row `row`, from the even row at or above its window on.
  func row(_ row: Int) -> UnsafePointer<Int16> { unsafe UnsafePointer(weights.base + row * taps) }
}
