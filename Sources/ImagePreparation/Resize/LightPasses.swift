internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Both passes in linear light for sRGB bytes, with 16-bit weights, and their buffers.
///
/// The vertical pass does not wait for complete windows: each slab of rows is converted to linear light, one block of columns at a time,
/// and added to the sums of every output row whose window overlaps the slab, so that no row is converted or read twice.
@safe
final class LightPasses: ResamplingPasses {
  private(set) var rowsReady = 0

  private let plan: ResamplingPlan
  private let isPremultiplied: Bool
  /// The number of words per sample: 2 for light times alpha.
  private let parts: Int
  private let kernels: KernelTable
  private let verticalBits: ResamplingPlan.WeightBits
  private let horizontalBits: ResamplingPlan.WeightBits
  private let weights: VerticalWeights
  private let horizontal: HorizontalConvolution
  /// The number of source rows that are in the sums; even until the last one.
  private var rowsTaken: Int
  private let rowPointers: AlignedBuffer<UnsafePointer<UInt8>>
  /// One block of columns of a slab, in linear light.
  private let block: AlignedBuffer<Int16>
  /// For each block of columns, the sums of ``openRows`` output rows: row `i` in slot `i % openRows`.
  private let sums: AlignedBuffer<Int32>
  private let openRows: Int
  /// Rows of the vertical pass, centered: row `i` in slot `i % slots`. With alpha, the same number of rows of remainders follows.
  private let intermediate: AlignedBuffer<Int16>
  private let intermediateStride: Int
  private let slots: Int
  /// The horizontal pass's columns: words, or sums of light times alpha, one word after the other.
  private let lanes: AlignedBuffer<Int32>
  /// The byte for each sum of light.
  private let encoded: [UInt8]

  /// The largest number of source rows that are taken at a time.
  private static let slabRows = 16
  /// Sums of a block: with 2 KiB of sums, a slab takes 16 KiB of the first-level cache.
  private static let blockSums = 512

  init(plan: ResamplingPlan, kernels: KernelTable) {
    guard case .light(let vertical, let horizontal) = plan.method else {
      preconditionFailure("another method is planned")
    }
    self.plan = plan
    self.kernels = kernels
    isPremultiplied = plan.scale.isPremultiplied
    parts = isPremultiplied ? 2 : 1
    verticalBits = vertical
    horizontalBits = horizontal
    weights = VerticalWeights(plan: plan)
    self.horizontal = HorizontalConvolution(plan: plan, bits: horizontal, kernels: kernels)
    rowsTaken = plan.vertical.starts[0] / 2 * 2
    unsafe rowPointers = AlignedBuffer(count: Self.slabRows, zeroed: false)
    block = AlignedBuffer(count: Self.slabRows * Self.blockSums, zeroed: false)
    (openRows, slots) = Self.capacities(plan: plan)
    sums = AlignedBuffer(count: openRows * Self.sumCount(plan: plan, parts: parts), zeroed: false)
    intermediateStride = HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    intermediate = AlignedBuffer(count: parts * slots * intermediateStride, zeroed: true)
    lanes = AlignedBuffer(count: parts * plan.output.width * self.horizontal.lanes, zeroed: false)
    encoded = Self.encodedLevels()
  }

  /// The byte for light in 65 024ths. A level begins at the light whose encoded value is halfway between this level and the level below.
  private static func encodedLevels() -> [UInt8] {
    var levels = [UInt8](repeating: 255, count: 65_536)
    var light = 0
    for level in 0..<255 {
      let next = TransferFunction.linear((Double(level) + 0.5) / 255) * Double(2 * whiteLight)
      while Double(light) < next {
        levels[light] = UInt8(level)
        light += 1
      }
    }
    return levels
  }

  static func window(plan: ResamplingPlan) -> Int { 2 }

  static func rowsHeldBack(plan: ResamplingPlan) -> Int {
    // If the number of rows is odd, the last row waits for the row after it.
    HorizontalConvolution.rowsPerGroup(channels: plan.channels) + 2
  }

  var rowsPerGroup: Int { horizontal.rowsPerGroup }

  var firstNeededRow: Int { rowsTaken }

  /// The number of sums of a row, in whole blocks.
  private static func sumCount(plan: ResamplingPlan, parts: Int) -> Int {
    (plan.input.width * plan.channels * parts + blockSums - 1) / blockSums * blockSums
  }

  /// The largest number of output rows whose windows contain one source row, and the number of rows between the passes: the rows that are
  /// left of a group and the rows that one slab completes, rounded up to whole groups.
  private static func capacities(plan: ResamplingPlan) -> (openRows: Int, slots: Int) {
    let vertical = plan.vertical
    let group = HorizontalConvolution.rowsPerGroup(channels: plan.channels)
    var (openRows, completed) = (1, 1)
    var (open, next, lastEnd) = (0, 0, 0)
    for row in 0..<vertical.outputCount {
      // A window is complete only when all windows before it are.
      lastEnd = max(lastEnd, evenWindow(vertical, row).upperBound)
      while open < vertical.outputCount, evenWindow(vertical, open).lowerBound < lastEnd { open += 1 }
      next = max(next, row)
      while next < vertical.outputCount, evenWindow(vertical, next).upperBound < lastEnd + slabRows { next += 1 }
      openRows = max(openRows, open - row)
      completed = max(completed, next - row)
    }
    return (openRows, (group - 1 + completed + group - 1) / group * group)
  }

  /// A window from an even row to an even row.
  private static func evenWindow(_ weights: AxisWeights, _ row: Int) -> Range<Int> {
    let window = weights.window(row)
    return window.lowerBound / 2 * 2..<(window.upperBound + 1) / 2 * 2
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let (openRows, slots) = capacities(plan: plan)
    let parts = plan.scale.isPremultiplied ? 2 : 1
    let stride = HorizontalConvolution.rowStride(width: plan.input.width, channels: plan.channels)
    let rows = slots * stride * 2 + plan.output.width * HorizontalLanes.count(channels: plan.channels) * 4
    return HorizontalConvolution.bytesNeeded(plan: plan) + VerticalWeights.bytesNeeded(plan: plan) + parts * rows
      + slabRows * blockSums * 2 + openRows * sumCount(plan: plan, parts: parts) * 4 + 65_536
  }

  /// Takes the next slab.
  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    let rows = plan.input.height
    let end = min(rowsTaken + Self.slabRows, rowsArrived == rows ? (rows + 1) / 2 * 2 : rowsArrived / 2 * 2)
    guard rowsTaken < end, rowsReady < plan.output.height else { return false }
    let slab = rowsTaken..<end
    for y in slab {
      let row = unsafe ring.row(min(y, rows - 1))
      unsafe rowPointers.base[y - rowsTaken] = UnsafePointer(row.assumingMemoryBound(to: UInt8.self))
    }
    var open = rowsReady
    while open < plan.output.height, plan.vertical.starts[open] < end { open += 1 }
    var completed = rowsReady
    while completed < open, plan.vertical.window(completed).upperBound <= end { completed += 1 }

    let sumCount = (plan.input.width * plan.channels * parts + 63) / 64 * 64
    for firstSum in stride(from: 0, to: sumCount, by: Self.blockSums) {
      let (offset, count) = (firstSum / parts, min(Self.blockSums, sumCount - firstSum))
      if isPremultiplied {
        unsafe kernels.light.lay_out_premultiplied(
          rowPointers.base, slab.count / 2, plan.channels, offset, count / parts, block.base)
      } else {
        unsafe kernels.light.lay_out(rowPointers.base, slab.count / 2, offset, count, block.base)
      }
      for row in rowsReady..<open {
        let window = Self.evenWindow(plan.vertical, row)
        let part = window.clamped(to: slab)
        let rowSums = unsafe sums.base + firstSum * openRows + row % openRows * Self.blockSums
        unsafe kernels.light.accumulate_pairs(
          cpi_light_accumulation(
            block: block.base, stride: slab.count / 2, first: (part.lowerBound - slab.lowerBound) / 2,
            pairs: part.count / 2, weights: weights.row(row) + max(0, part.lowerBound - window.lowerBound),
            pair_shift: verticalBits.pairShift, begins: window.lowerBound >= slab.lowerBound,
            start: isPremultiplied ? -center : half - center, next_start: isPremultiplied ? half : half - center,
            count: count, sums: rowSums))
        guard row < completed else { continue }
        let target = unsafe intermediate.base + row % slots * intermediateStride + offset
        if isPremultiplied {
          unsafe kernels.light.round_premultiplied(
            rowSums, count, Int32(verticalBits.sums), target, target + slots * intermediateStride)
        } else {
          unsafe kernels.light.round(rowSums, count, Int32(verticalBits.sums), target)
        }
      }
    }
    rowsTaken = end
    rowsReady = completed
    return true
  }

  /// Two values that the sums of the vertical pass begin with: one half of the result's lowest bit, for rounding, and the middle of the
  /// range of light.
  private var half: Int32 { 1 << Int32(verticalBits.sums - 1) }
  private var center: Int32 { 128 << Int32(ResamplingPlan.wordFraction + verticalBits.sums) }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let first = unsafe intermediate.base + rows.lowerBound % slots * intermediateStride
    let table = kernels.light
    let width = plan.output.width
    unsafe encoded.withUnsafeBufferPointer { encoded in
      let levels = encoded.baseAddress!
      let target = unsafe output.assumingMemoryBound(to: UInt8.self)
      guard isPremultiplied else {
        let words = unsafe UnsafeMutableRawPointer(lanes.base).assumingMemoryBound(to: UInt16.self)
        unsafe horizontal.convolve(
          rows: first, stride: intermediateStride, kernels.resize.convolve_rows_to_fine,
          fractionBits: horizontalBits.sums + ResamplingPlan.wordFraction - 8, output: words)
        unsafe table.map_lanes(words, plan.channels, width, rows.count, levels, target, stride)
        return
      }
      let remainders = unsafe lanes.base + width * horizontal.lanes
      unsafe horizontal.convolve(
        rows: first, stride: intermediateStride, kernels.resize.convolve_rows_to_sums, fractionBits: 0,
        output: lanes.base)
      unsafe horizontal.convolve(
        rows: first + slots * intermediateStride, stride: intermediateStride, kernels.resize.convolve_rows_to_sums,
        fractionBits: 0, output: remainders)
      for k in 0..<rows.count {
        unsafe table.unpremultiply(
          lanes.base + k * horizontal.lanesPerRow, remainders + k * horizontal.lanesPerRow, plan.channels, width,
          horizontalBits.sums, levels, target + k * stride)
      }
    }
  }
}
