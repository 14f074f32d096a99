internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Both passes for 8-bit samples, premultiplied or not, with 16-bit weights, the horizontal one first: cheaper where the result has
/// more pixels than the source, most of whose work is then the vertical convolution, which needs no other order of samples.
@safe
final class HorizontalFirstPasses: ResamplingPasses {
  private(set) var rowsReady = 0
  let rowsPerGroup = VerticalConvolution.rowsPerStep

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let bits: (vertical: ResamplingPlan.WeightBits, horizontal: ResamplingPlan.WeightBits)
  private let vertical: VerticalConvolution
  private let horizontal: HorizontalConvolution
  /// Source rows that the horizontal convolution has taken.
  private var rowsTaken: Int
  /// The end of the source rows that are needed.
  private let rowsEnd: Int
  /// A group of source rows as centered words.
  private let centered: AlignedBuffer<Int16>
  private let centeredStride: Int
  /// The horizontal convolution's columns of words.
  private let lanes: AlignedBuffer<Int16>
  /// The horizontal convolution's rows: row `y` in slot `y % slots`.
  private let intermediate: AlignedBuffer<Int16>
  private let intermediateStride: Int
  private let slots: Int
  /// The sums of two rows, before alpha is divided out; empty without alpha.
  private let sums: AlignedBuffer<Int32>

  init(plan: ResamplingPlan, kernels: KernelTable) {
    guard case .horizontalFirst(let verticalBits, let horizontalBits) = plan.method else {
      preconditionFailure("another method is planned")
    }
    self.plan = plan
    self.kernels = kernels
    bits = (verticalBits, horizontalBits)
    vertical = VerticalConvolution(plan: plan, bits: verticalBits)
    horizontal = HorizontalConvolution(plan: plan, bits: horizontalBits, kernels: kernels)
    rowsTaken = plan.vertical.starts[0]
    rowsEnd = plan.vertical.starts.indices.reduce(0) { max($0, plan.vertical.window($1).upperBound) }
    centeredStride = HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    centered = AlignedBuffer(count: horizontal.rowsPerGroup * centeredStride, zeroed: true)
    // A slot may begin in the middle of a group, whose last column is then read past its end.
    lanes = AlignedBuffer(count: (plan.output.width + 1) * horizontalLanes, zeroed: false)
    slots = Self.slots(plan: plan)
    intermediateStride = HorizontalConvolution.rowStride(width: plan.output.width, channels: plan.channels)
    intermediate = AlignedBuffer(count: slots * intermediateStride, zeroed: false)
    sums = AlignedBuffer(
      count: plan.scale.isPremultiplied ? VerticalConvolution.rowsPerStep * plan.output.width * plan.channels : 0,
      zeroed: false)
  }

  /// Rows between the passes: those of two windows, the first of which is not complete, and a group.
  private static func slots(plan: ResamplingPlan) -> Int {
    VerticalConvolution.longestSpan(plan: plan) + HorizontalConvolution.rowsPerGroup(channels: plan.channels)
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let group = HorizontalConvolution.rowsPerGroup(channels: plan.channels)
    let rows =
      group * HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
      + slots(plan: plan) * HorizontalConvolution.rowStride(width: plan.output.width, channels: plan.channels)
    let sums = plan.scale.isPremultiplied ? VerticalConvolution.rowsPerStep * plan.output.width * plan.channels : 0
    return HorizontalConvolution.bytesNeeded(plan: plan) + VerticalConvolution.bytesNeeded(plan: plan)
      + (rows + plan.output.width * horizontalLanes) * 2 + sums * 4
  }

  static func window(plan: ResamplingPlan) -> Int { HorizontalConvolution.rowsPerGroup(channels: plan.channels) }

  static func rowsHeldBack(plan: ResamplingPlan) -> Int {
    // Output rows whose windows end within a group of source rows that is not complete.
    let group = HorizontalConvolution.rowsPerGroup(channels: plan.channels)
    let vertical = plan.vertical
    var (most, next) = (0, 0)
    for row in 0..<vertical.outputCount {
      while next < vertical.outputCount, vertical.window(next).upperBound < vertical.window(row).upperBound + group {
        next += 1
      }
      most = max(most, next - row)
    }
    return most + VerticalConvolution.rowsPerStep
  }

  var firstNeededRow: Int { rowsTaken }

  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    let end = min(rowsTaken + horizontal.rowsPerGroup, rowsEnd)
    guard rowsTaken < end, end <= rowsArrived else { return false }
    for (k, y) in (rowsTaken..<end).enumerated() {
      let row = unsafe UnsafePointer(ring.row(y).assumingMemoryBound(to: UInt8.self))
      let target = unsafe centered.base + k * centeredStride
      if plan.scale.isPremultiplied {
        unsafe kernels.resize.premultiply_centered(row, plan.channels, plan.input.width, target)
      } else {
        unsafe kernels.resize.center_bytes(row, plan.input.width * plan.channels, target)
      }
    }
    unsafe horizontal.convolve(
      rows: centered.base, stride: centeredStride, kernels.resize.convolve_rows_to_words,
      fractionBits: bits.horizontal.sums, lanes: lanes.base)
    // Slots are consecutive but for the end of the buffer.
    var y = rowsTaken
    while y < end {
      let slot = y % slots
      let count = min(end - y, slots - slot)
      unsafe kernels.resize.deinterleave_lanes(
        lanes.base + (y - rowsTaken) * horizontal.lanesPerRow, 2, plan.channels, plan.output.width, count,
        intermediate.base + slot * intermediateStride, intermediateStride * 2)
      y += count
    }
    rowsTaken = end
    while rowsReady < plan.output.height, plan.vertical.window(rowsReady).upperBound <= rowsTaken { rowsReady += 1 }
    return true
  }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let fractionBits = bits.vertical.sums + ResamplingPlan.wordFraction
    let (width, channels) = (plan.output.width, plan.channels)
    let table = kernels.resize
    func convolve(
      _ kernel: cpi_convolve_columns, _ fractionBits: Int, _ output: UnsafeMutableRawPointer, _ stride: Int
    ) {
      unsafe vertical.convolve(
        rows, kernel, count: width * channels, fractionBits: fractionBits, start: 0, output: output,
        nextOutput: output + (rows.count - 1) * stride
      ) { unsafe UnsafeRawPointer(intermediate.base + $0 % slots * intermediateStride) }
    }
    if plan.scale.isPremultiplied {
      unsafe convolve(table.convolve_word_columns_to_sums, 0, sums.base, width * channels * 4)
      for row in 0..<rows.count {
        unsafe table.unpremultiply_sums(
          sums.base + row * width * channels, channels, channels, width, fractionBits,
          (output + row * stride).assumingMemoryBound(to: UInt8.self))
      }
    } else if plan.keepsFraction {
      unsafe convolve(table.convolve_word_columns_to_fine, fractionBits - 8, output, stride)
    } else {
      unsafe convolve(table.convolve_word_columns_to_bytes, fractionBits, output, stride)
    }
  }
}
