internal import Ground
internal import PixelKernels

/// Both passes for 8-bit samples, premultiplied or not, with 16-bit weights, and their buffers.
@safe
final class NarrowPasses {
  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let verticalBits: ResamplingPlan.WeightBits
  private let horizontalBits: ResamplingPlan.WeightBits
  private let weights: VerticalWeights
  private let horizontal: HorizontalPass
  /// Pointers to the rows of the vertical pass: bytes, or premultiplied words.
  private let rowPointers: AlignedBuffer<UnsafePointer<UInt8>>
  private let wordPointers: AlignedBuffer<UnsafePointer<Int16>>
  /// The window's premultiplied rows; nil without alpha.
  private let premultiplied: ConvertedRows<Int16>?
  private let keepsFraction: Bool
  /// The vertical pass's rows: centered samples with ``ResamplingPlan/wordFraction`` fraction bits.
  private let intermediate: AlignedBuffer<Int16>
  private let intermediateStride: Int
  /// The horizontal pass's columns: bytes, words, or sums before alpha is divided out.
  private let lanes: AlignedBuffer<Int32>

  /// Makes passes with the fraction bits of ``ResamplingPlan/Precision/narrow(vertical:horizontal:)``.
  ///
  /// `isPremultiplied` is true for bytes times alpha. `keepsFraction` is true for a result of words with 8 fraction bits, for plain
  /// bytes only.
  init(
    plan: ResamplingPlan, kernels: KernelTable, vertical: ResamplingPlan.WeightBits,
    horizontal: ResamplingPlan.WeightBits, isPremultiplied: Bool, keepsFraction: Bool
  ) {
    precondition(!isPremultiplied || !keepsFraction, "only plain bytes have a fine result")
    precondition(isPremultiplied || vertical.pairShift == 0, "sums of bytes have room for every weight")
    self.plan = plan
    self.keepsFraction = keepsFraction
    self.kernels = kernels
    verticalBits = vertical
    horizontalBits = horizontal
    weights = VerticalWeights(plan: plan)
    self.horizontal = HorizontalPass(plan: plan, kernels: kernels)
    let mostTaps = plan.vertical.longestSpan(of: 2) + 2
    unsafe rowPointers = AlignedBuffer(count: mostTaps, zeroed: false)
    unsafe wordPointers = AlignedBuffer(count: mostTaps, zeroed: false)
    premultiplied =
      isPremultiplied ? ConvertedRows(capacity: mostTaps, rowSamples: plan.input.width * plan.channels) : nil
    intermediateStride = HorizontalPass.rowStride(plan: plan)
    intermediate = AlignedBuffer(count: self.horizontal.rowsPerGroup * intermediateStride, zeroed: true)
    lanes = AlignedBuffer(count: plan.output.width * horizontalLanes, zeroed: false)
  }

  /// Output rows that the horizontal pass makes at a time.
  var rowsPerGroup: Int { horizontal.rowsPerGroup }

  static func bytesNeeded(plan: ResamplingPlan, isPremultiplied: Bool) -> Int {
    let premultipliedSamples = (plan.vertical.longestSpan(of: 2) + 2) * plan.input.width * plan.channels
    return HorizontalPass.bytesNeeded(plan: plan) + VerticalWeights.bytesNeeded(plan: plan)
      + HorizontalPass.rowsPerGroup(channels: plan.channels) * HorizontalPass.rowStride(plan: plan) * 2
      + plan.output.width * horizontalLanes * 4 + (isPremultiplied ? premultipliedSamples * 2 : 0)
  }

  /// Vertical pass of output rows `row` and, where `count` is 2, `row + 1` into `slot` of the group and the next one.
  func convolveColumns(row: Int, count: Int, slot: Int, ring: RowRing) {
    let first = plan.vertical.window(row)
    let last = plan.vertical.window(row + count - 1)
    let top = first.lowerBound / 2 * 2
    let end = (first.upperBound - top + 1) / 2 * 2
    let begin = count == 2 ? last.lowerBound / 2 * 2 - top : end
    let taps = count == 2 ? max(end, (last.upperBound - top + 1) / 2 * 2) : end
    let rowSamples = plan.input.width * plan.channels
    let output = unsafe intermediate.base + slot * intermediateStride
    // The zero weights at the ends read a row that exists.
    let rows = first.lowerBound..<max(first.upperBound, last.upperBound)
    func present(_ k: Int) -> Int { min(max(top + k, rows.lowerBound), rows.upperBound - 1) }
    if let premultiplied {
      unsafe premultiplied.advance(to: rows) { y, output in
        let row = unsafe UnsafePointer(ring.row(y).assumingMemoryBound(to: UInt8.self))
        unsafe kernels.premultiplyCentered(row, plan.channels, plan.input.width, output)
      }
      for k in 0..<taps { unsafe wordPointers.base[k] = premultiplied.row(present(k)) }
      unsafe kernels.convolveColumnsOfWords(
        wordPointers.base, taps, weights.row(row), end, weights.row(row + count - 1), begin, rowSamples,
        verticalBits.pairShift, Int32(verticalBits.sums), output, output + (count - 1) * intermediateStride)
    } else {
      for k in 0..<taps {
        unsafe rowPointers.base[k] = UnsafePointer(ring.row(present(k)).assumingMemoryBound(to: UInt8.self))
      }
      let shift = Int32(verticalBits.sums - ResamplingPlan.wordFraction)
      unsafe kernels.convolveColumns(
        rowPointers.base, taps, weights.row(row), end, weights.row(row + count - 1), begin, rowSamples,
        (1 << (shift - 1)) - (128 << Int32(verticalBits.sums)), shift, output, output + (count - 1) * intermediateStride
      )
    }
  }

  /// Horizontal pass of the group's first `count` rows to straight samples of the result's depth, `stride` bytes a row.
  func convolveRows(count: Int, output: UnsafeMutableRawPointer, stride: Int) {
    let shift = Int32(horizontalBits.sums + ResamplingPlan.wordFraction)
    let width = plan.output.width
    if premultiplied != nil {
      unsafe horizontal.convolveToSums(
        rows: intermediate.base, stride: intermediateStride, pairShift: horizontalBits.pairShift, output: lanes.base)
      for row in 0..<count {
        unsafe unpremultiplySums(
          lanes.base + row * horizontal.lanesPerRow, channels: plan.channels, pixels: width, shift: Int(shift),
          output: (output + row * stride).assumingMemoryBound(to: UInt8.self))
      }
      return
    }
    let samples = unsafe UnsafeMutableRawPointer(lanes.base)
    if keepsFraction {
      unsafe horizontal.convolveFine(
        rows: intermediate.base, stride: intermediateStride, pairShift: horizontalBits.pairShift, shift: shift,
        output: samples.assumingMemoryBound(to: UInt16.self))
    } else {
      unsafe horizontal.convolve(
        rows: intermediate.base, stride: intermediateStride, pairShift: horizontalBits.pairShift, shift: shift,
        output: samples.assumingMemoryBound(to: UInt8.self))
    }
    unsafe deinterleaveLanes(
      lanes: samples, sampleBytes: keepsFraction ? 2 : 1, channels: plan.channels, count: width, rowCount: count,
      output: output, stride: stride)
  }
}
