internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Both passes for 8-bit samples, premultiplied or not, with 16-bit weights, the vertical one first. This order is cheaper if the
/// result has fewer pixels than the source.
@safe final class VerticalFirstPasses: ResamplingPasses {
  private(set) var rowsReady = 0

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let bits: (vertical: ResamplingPlan.WeightBits, horizontal: ResamplingPlan.WeightBits)
  private let vertical: VerticalConvolution
  private let horizontal: HorizontalConvolution
  /// The window's premultiplied rows, in pairs; nil without alpha.
  private let premultiplied: ConvertedRows<Int16>?
  /// Two premultiplied rows; empty without alpha.
  private let unpaired: AlignedBuffer<Int16>
  /// The vertical convolution's rows: centered samples with ``ResamplingPlan/wordFraction`` fraction bits.
  private let intermediate: AlignedBuffer<Int16>
  private let intermediateStride: Int
  /// The horizontal convolution's columns: bytes, words, or sums before alpha is divided out.
  private let lanes: AlignedBuffer<Int32>

  init(plan: ResamplingPlan, kernels: KernelTable) {
    guard case .verticalFirst(let verticalBits, let horizontalBits) = plan.method else {
      preconditionFailure("another method is planned")
    }
    self.plan = plan
    self.kernels = kernels
    bits = (verticalBits, horizontalBits)
    vertical = VerticalConvolution(plan: plan, bits: verticalBits)
    horizontal = HorizontalConvolution(plan: plan, bits: horizontalBits, kernels: kernels)
    let rowSamples = plan.input.width * plan.channels
    premultiplied =
      plan.scale.isPremultiplied
      ? ConvertedRows(capacity: plan.vertical.longestWindow / 2 + 1, rowSamples: 2 * rowSamples) : nil
    unpaired = AlignedBuffer(count: plan.scale.isPremultiplied ? 2 * rowSamples : 0, zeroed: false)
    intermediateStride = HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    intermediate = AlignedBuffer(count: horizontal.rowsPerGroup * intermediateStride, zeroed: true)
    lanes = AlignedBuffer(count: plan.output.width * horizontal.lanes, zeroed: false)
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let rowSamples = plan.input.width * plan.channels
    let rows =
      HorizontalConvolution.rowsPerGroup(channels: plan.channels)
      * HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    let premultiplied = plan.scale.isPremultiplied ? (VerticalConvolution.longestSpan(plan: plan) + 2) * rowSamples : 0
    return HorizontalConvolution.bytesNeeded(plan: plan) + VerticalConvolution.bytesNeeded(plan: plan)
      + (rows + premultiplied) * 2 + plan.output.width * HorizontalLanes.count(channels: plan.channels) * 4
  }

  static func window(plan: ResamplingPlan) -> Int {
    // A window of pairs of rows may end one row later.
    plan.scale.isPremultiplied ? plan.vertical.longestWindow + 1 : VerticalConvolution.longestSpan(plan: plan)
  }

  static func rowsHeldBack(plan: ResamplingPlan) -> Int {
    VerticalConvolution.rowsPerStep + HorizontalConvolution.rowsPerGroup(channels: plan.channels)
  }

  var rowsPerGroup: Int { horizontal.rowsPerGroup }
  var firstNeededRow: Int { plan.vertical.starts[rowsReady] }

  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    if let premultiplied { return take(rowsArrived: rowsArrived, ring: ring, premultiplied) }
    guard let rows = plan.nextRows(VerticalConvolution.rowsPerStep, after: rowsReady, rowsArrived: rowsArrived) else {
      return false
    }
    let output = unsafe intermediate.base + rows.lowerBound % rowsPerGroup * intermediateStride
    unsafe vertical.convolve(
      rows, kernels.resize, ring: ring, output: output, nextOutput: output + (rows.count - 1) * intermediateStride)
    rowsReady = rows.upperBound
    return true
  }

  /// Makes one output row of premultiplied rows, once the pairs of its window have arrived.
  private func take(rowsArrived: Int, ring: RowRing, _ premultiplied: ConvertedRows<Int16>) -> Bool {
    let height = plan.input.height
    let paired = rowsArrived == height ? height : rowsArrived / 2 * 2
    guard let rows = plan.nextRows(1, after: rowsReady, rowsArrived: paired) else { return false }
    let row = rows.lowerBound
    let first = plan.vertical.starts[row]
    let count = plan.input.width * plan.channels
    unsafe premultiplied.advance(to: vertical.pairs(row)) { pair, output in
      // A pair may contain a row that does not exist: one before the window, which was overwritten, or one after the last row. The weight
      // of such a row is zero, so any existing row can replace it.
      for (k, y) in [max(2 * pair, first), min(2 * pair + 1, height - 1)].enumerated() {
        let source = unsafe UnsafePointer(ring.row(y).assumingMemoryBound(to: UInt8.self))
        unsafe kernels.resize.premultiply_centered(source, plan.channels, plan.input.width, unpaired.base + k * count)
      }
      unsafe kernels.resize.pair_rows(unpaired.base, unpaired.base + count, count, output)
    }
    unsafe vertical.convolve(
      row, kernels.resize.convolve_pairs_to_words, count: count, fractionBits: bits.vertical.sums,
      output: intermediate.base + row % rowsPerGroup * intermediateStride
    ) { unsafe premultiplied.row($0) }
    rowsReady = rows.upperBound
    return true
  }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let fractionBits = bits.horizontal.sums + ResamplingPlan.wordFraction
    let width = plan.output.width
    let table = kernels.resize
    func convolve(_ kernel: cpi_convolve_rows, _ fractionBits: Int) {
      unsafe horizontal.convolve(
        rows: intermediate.base, stride: intermediateStride, kernel, fractionBits: fractionBits, output: lanes.base)
    }
    if premultiplied != nil {
      unsafe convolve(table.convolve_rows_to_sums, 0)
      for row in 0..<rows.count {
        unsafe table.unpremultiply_sums(
          lanes.base + row * horizontal.lanesPerRow, horizontal.lanes, plan.channels, width, fractionBits,
          (output + row * stride).assumingMemoryBound(to: UInt8.self))
      }
      return
    }
    if plan.passesKeepFraction {
      unsafe convolve(table.convolve_rows_to_fine, fractionBits - 8)
    } else {
      unsafe convolve(table.convolve_rows_to_bytes, fractionBits)
    }
    unsafe table.deinterleave_lanes(
      lanes.base, plan.passesKeepFraction ? 2 : 1, plan.channels, width, rows.count, output, stride)
  }
}
