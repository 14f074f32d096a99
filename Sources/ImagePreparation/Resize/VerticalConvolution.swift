internal import CPixelIntrinsics
internal import Ground

/// The vertical convolution of the passes with 16-bit weights.
@safe struct VerticalConvolution: ~Copyable {
  /// The output rows of bytes that are made at a time: several, because neighboring windows share rows.
  static let rowsPerStep = 2

  private let plan: ResamplingPlan
  private let bits: ResamplingPlan.WeightBits
  private let weights: VerticalWeights
  private let rowPointers: AlignedBuffer<UnsafePointer<UInt8>>
  private let pairPointers: AlignedBuffer<UnsafePointer<Int16>>

  init(plan: ResamplingPlan, bits: ResamplingPlan.WeightBits) {
    self.plan = plan
    self.bits = bits
    weights = VerticalWeights(plan: plan)
    unsafe rowPointers = AlignedBuffer(count: Self.longestSpan(plan: plan) + 2, zeroed: false)
    unsafe pairPointers = AlignedBuffer(count: plan.vertical.longestWindow / 2 + 1, zeroed: false)
  }

  /// The most rows that the windows of one step reach over.
  static func longestSpan(plan: ResamplingPlan) -> Int { plan.vertical.longestSpan(of: rowsPerStep) }

  static func bytesNeeded(plan: ResamplingPlan) -> Int { VerticalWeights.bytesNeeded(plan: plan) }

  /// The pairs of source rows of an output row, each of an even row and the next one.
  func pairs(_ row: Int) -> Range<Int> {
    let window = plan.vertical.window(row)
    return window.lowerBound / 2..<(window.upperBound + 1) / 2
  }

  /// Convolves one or two output rows of bytes to centered words with ``ResamplingPlan/wordFraction`` fraction bits.
  ///
  /// - Parameters:
  ///   - rows: The output rows.
  ///   - kernels: The kernels.
  ///   - ring: The source rows.
  ///   - output: The first output row.
  ///   - nextOutput: The second output row.
  func convolve(
    _ rows: Range<Int>, _ kernels: cpi_resize_kernels, ring: RowRing, output: UnsafeMutablePointer<Int16>,
    nextOutput: UnsafeMutablePointer<Int16>
  ) {
    let (first, last) = (plan.vertical.window(rows.lowerBound), plan.vertical.window(rows.upperBound - 1))
    let lastRow = max(first.upperBound, last.upperBound) - 1
    let top = first.lowerBound / 2 * 2
    let end = (first.upperBound - top + 1) / 2 * 2
    let begin = rows.count == 2 ? last.lowerBound / 2 * 2 - top : end
    let taps = rows.count == 2 ? max(end, (last.upperBound - top + 1) / 2 * 2) : end
    for k in 0..<taps {
      // Weights at the ends may be zeros that were added. For these, some row that exists is read.
      let row = unsafe ring.row(min(max(top + k, first.lowerBound), lastRow))
      unsafe rowPointers.base[k] = UnsafePointer(row.assumingMemoryBound(to: UInt8.self))
    }
    let shift = Int32(bits.sums - ResamplingPlan.wordFraction)
    unsafe kernels.convolve_columns(
      cpi_column_convolution(
        rows: rowPointers.base, taps: taps, weights: weights.row(rows.lowerBound), end: end,
        next_weights: weights.row(rows.upperBound - 1), begin: begin, count: plan.input.width * plan.channels,
        start: (1 << (shift - 1)) - (128 << Int32(bits.sums)), shift: shift, output: output, next_output: nextOutput))
  }

  /// Convolves one output row of pairs of centered words.
  ///
  /// - Parameters:
  ///   - row: The output row.
  ///   - kernel: The kernel for the result's samples.
  ///   - count: Samples of a row.
  ///   - fractionBits: The sums' fraction bits that the result does not have.
  ///   - output: The output row.
  ///   - pair: The address of a pair of rows.
  func convolve(
    _ row: Int, _ kernel: cpi_convolve_pairs, count: Int, fractionBits: Int, output: UnsafeMutableRawPointer,
    pair: (Int) -> UnsafePointer<Int16>
  ) {
    let pairs = pairs(row)
    for (k, number) in pairs.enumerated() { unsafe pairPointers.base[k] = pair(number) }
    unsafe kernel(
      cpi_pair_convolution(
        rows: pairPointers.base, pairs: pairs.count, weights: weights.row(row), count: count,
        start: fractionBits == 0 ? 0 : 1 << Int32(fractionBits - 1), pair_shift: bits.pairShift,
        shift: Int32(fractionBits), output: output))
  }
}

/// The 16-bit weights of the vertical convolution, laid out for pairs of rows: windows begin at an even row and have an even number of
/// taps, so they may gain a zero at either end.
@safe struct VerticalWeights: ~Copyable {
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

  static func bytesNeeded(plan: ResamplingPlan) -> Int { plan.output.height * (plan.vertical.longestWindow * 2 + 2) }

  /// The weights of output row `row`, from the even row at or above its window on.
  func row(_ row: Int) -> UnsafePointer<Int16> { unsafe UnsafePointer(weights.base + row * taps) }
}
