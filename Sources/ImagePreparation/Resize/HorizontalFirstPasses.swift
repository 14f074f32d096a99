internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Both passes for 8-bit samples, premultiplied or not, with 16-bit weights, the horizontal one first. This order is cheaper if the result
/// has more pixels than the source: most of the work is then the vertical convolution, for which samples need not be brought into another
/// order.
@safe final class HorizontalFirstPasses: ResamplingPasses {
  private(set) var rowsReady = 0
  let rowsPerGroup = 1

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
  /// The words of the horizontal convolution, column by column.
  private let lanes: AlignedBuffer<Int16>
  /// The rows of a group after the horizontal convolution.
  private let unpaired: AlignedBuffer<Int16>
  private let rowStride: Int
  /// The same rows in pairs of an even one and the next one: pair `p` in slot `p % slots`.
  private let intermediate: AlignedBuffer<Int16>
  private let slots: Int
  /// The sums of a row, before alpha is divided out; empty without alpha.
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
    rowsTaken = plan.vertical.starts[0] / 2 * 2
    rowsEnd = plan.vertical.starts.indices.reduce(0) { max($0, plan.vertical.window($1).upperBound) }
    centeredStride = HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    centered = AlignedBuffer(count: horizontal.rowsPerGroup * centeredStride, zeroed: true)
    lanes = AlignedBuffer(count: plan.output.width * horizontal.lanes, zeroed: false)
    slots = Self.slots(plan: plan)
    rowStride = HorizontalConvolution.rowStride(width: plan.output.width, channels: plan.channels)
    unpaired = AlignedBuffer(count: horizontal.rowsPerGroup * rowStride, zeroed: false)
    intermediate = AlignedBuffer(count: slots * 2 * rowStride, zeroed: false)
    sums = AlignedBuffer(count: plan.scale.isPremultiplied ? plan.output.width * plan.channels : 0, zeroed: false)
  }

  /// The number of pairs of rows between the passes: the pairs of a window that is not complete, and the pairs of a group.
  private static func slots(plan: ResamplingPlan) -> Int {
    (plan.vertical.longestWindow + HorizontalConvolution.rowsPerGroup(channels: plan.channels)) / 2 + 2
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let group = HorizontalConvolution.rowsPerGroup(channels: plan.channels)
    let words =
      group * HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
      + (group + 2 * slots(plan: plan))
      * HorizontalConvolution.rowStride(width: plan.output.width, channels: plan.channels) + plan.output.width
      * HorizontalLanes.count(channels: plan.channels)
    let sums = plan.scale.isPremultiplied ? plan.output.width * plan.channels : 0
    return HorizontalConvolution.bytesNeeded(plan: plan) + VerticalConvolution.bytesNeeded(plan: plan) + words * 2
      + sums * 4
  }

  static func window(plan: ResamplingPlan) -> Int { HorizontalConvolution.rowsPerGroup(channels: plan.channels) }

  static func rowsHeldBack(plan: ResamplingPlan) -> Int {
    // These are the output rows whose windows end within a group of source rows that is not complete.
    let group = HorizontalConvolution.rowsPerGroup(channels: plan.channels)
    let vertical = plan.vertical
    var (most, next) = (0, 0)
    for row in 0..<vertical.outputCount {
      while next < vertical.outputCount, vertical.window(next).upperBound < vertical.window(row).upperBound + group {
        next += 1
      }
      most = max(most, next - row)
    }
    return most
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
      fractionBits: bits.horizontal.sums, output: lanes.base)
    let count = end - rowsTaken
    unsafe kernels.resize.deinterleave_lanes(
      lanes.base, 2, plan.channels, plan.output.width, count, unpaired.base, rowStride * 2)
    for k in stride(from: 0, to: count, by: 2) {
      // The last row may have no partner. The weights of the missing row are zero.
      unsafe kernels.resize.pair_rows(
        unpaired.base + k * rowStride, unpaired.base + min(k + 1, count - 1) * rowStride,
        plan.output.width * plan.channels, pair((rowsTaken + k) / 2))
    }
    rowsTaken = end
    while rowsReady < plan.output.height, plan.vertical.window(rowsReady).upperBound <= rowsTaken { rowsReady += 1 }
    return true
  }

  private func pair(_ number: Int) -> UnsafeMutablePointer<Int16> {
    unsafe intermediate.base + number % slots * 2 * rowStride
  }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let row = rows.lowerBound
    let fractionBits = bits.vertical.sums + ResamplingPlan.wordFraction
    let count = plan.output.width * plan.channels
    let table = kernels.resize
    func convolve(_ kernel: cpi_convolve_pairs, _ fractionBits: Int, _ output: UnsafeMutableRawPointer) {
      unsafe vertical.convolve(row, kernel, count: count, fractionBits: fractionBits, output: output) {
        unsafe UnsafePointer(pair($0))
      }
    }
    if plan.scale.isPremultiplied {
      unsafe convolve(table.convolve_pairs_to_sums, 0, sums.base)
      unsafe table.unpremultiply_sums(
        sums.base, plan.channels, plan.channels, plan.output.width, fractionBits,
        output.assumingMemoryBound(to: UInt8.self))
    } else if plan.passesKeepFraction {
      unsafe convolve(table.convolve_pairs_to_fine, fractionBits - 8, output)
    } else {
      unsafe convolve(table.convolve_pairs_to_bytes, fractionBits, output)
    }
  }
}
