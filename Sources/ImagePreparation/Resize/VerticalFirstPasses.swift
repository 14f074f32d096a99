internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Both passes for 8-bit samples, premultiplied or not, with 16-bit weights, the vertical one first: cheaper where the result has
/// fewer pixels than the source.
@safe
final class VerticalFirstPasses: ResamplingPasses {
  private(set) var rowsReady = 0

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let bits: (vertical: ResamplingPlan.WeightBits, horizontal: ResamplingPlan.WeightBits)
  private let vertical: VerticalConvolution
  private let horizontal: HorizontalConvolution
  /// The window's premultiplied rows; nil without alpha.
  private let premultiplied: ConvertedRows<Int16>?
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
    premultiplied =
      plan.scale.isPremultiplied
      ? ConvertedRows(
        capacity: VerticalConvolution.longestSpan(plan: plan) + 2, rowSamples: plan.input.width * plan.channels) : nil
    intermediateStride = HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    intermediate = AlignedBuffer(count: horizontal.rowsPerGroup * intermediateStride, zeroed: true)
    lanes = AlignedBuffer(count: plan.output.width * horizontalLanes, zeroed: false)
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let rowSamples = plan.input.width * plan.channels
    let rows =
      HorizontalConvolution.rowsPerGroup(channels: plan.channels)
      * HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    let premultiplied = plan.scale.isPremultiplied ? (VerticalConvolution.longestSpan(plan: plan) + 2) * rowSamples : 0
    return HorizontalConvolution.bytesNeeded(plan: plan) + VerticalConvolution.bytesNeeded(plan: plan)
      + (rows + premultiplied) * 2 + plan.output.width * horizontalLanes * 4
  }

  static func window(plan: ResamplingPlan) -> Int { VerticalConvolution.longestSpan(plan: plan) }

  static func rowsHeldBack(plan: ResamplingPlan) -> Int {
    VerticalConvolution.rowsPerStep + HorizontalConvolution.rowsPerGroup(channels: plan.channels)
  }

  var rowsPerGroup: Int { horizontal.rowsPerGroup }
  var firstNeededRow: Int { plan.vertical.starts[rowsReady] }

  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    guard let rows = plan.nextRows(VerticalConvolution.rowsPerStep, after: rowsReady, rowsArrived: rowsArrived) else {
      return false
    }
    let output = unsafe intermediate.base + rows.lowerBound % rowsPerGroup * intermediateStride
    let nextOutput = unsafe output + (rows.count - 1) * intermediateStride
    let count = plan.input.width * plan.channels
    if let premultiplied {
      unsafe premultiplied.advance(to: vertical.window(rows)) { y, output in
        let row = unsafe UnsafePointer(ring.row(y).assumingMemoryBound(to: UInt8.self))
        unsafe kernels.resize.premultiply_centered(row, plan.channels, plan.input.width, output)
      }
      unsafe vertical.convolve(
        rows, kernels.resize.convolve_word_columns, count: count, fractionBits: bits.vertical.sums, start: 0,
        output: output, nextOutput: nextOutput
      ) { unsafe UnsafeRawPointer(premultiplied.row($0)) }
    } else {
      unsafe vertical.convolve(
        rows, kernels.resize.convolve_columns, count: count,
        fractionBits: bits.vertical.sums - ResamplingPlan.wordFraction, start: -(128 << Int32(bits.vertical.sums)),
        output: output, nextOutput: nextOutput
      ) { unsafe UnsafeRawPointer(ring.row($0)) }
    }
    rowsReady = rows.upperBound
    return true
  }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let fractionBits = bits.horizontal.sums + ResamplingPlan.wordFraction
    let width = plan.output.width
    let table = kernels.resize
    func convolve(_ kernel: cpi_convolve_rows, _ fractionBits: Int) {
      unsafe horizontal.convolve(
        rows: intermediate.base, stride: intermediateStride, kernel, fractionBits: fractionBits, lanes: lanes.base)
    }
    if premultiplied != nil {
      unsafe convolve(table.convolve_rows_to_sums, 0)
      for row in 0..<rows.count {
        unsafe table.unpremultiply_sums(
          lanes.base + row * horizontal.lanesPerRow, horizontalLanes, plan.channels, width, fractionBits,
          (output + row * stride).assumingMemoryBound(to: UInt8.self))
      }
      return
    }
    if plan.keepsFraction {
      unsafe convolve(table.convolve_rows_to_fine, fractionBits - 8)
    } else {
      unsafe convolve(table.convolve_rows_to_bytes, fractionBits)
    }
    unsafe table.deinterleave_lanes(
      lanes.base, plan.keepsFraction ? 2 : 1, plan.channels, width, rows.count, output, stride)
  }
}
