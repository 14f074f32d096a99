internal import PixelKernels

/// Both passes for 8-bit samples with 16-bit weights, and their buffers.
@safe
final class NarrowPasses {
  /// Output rows that the horizontal pass makes at a time.
  let rowsPerGroup: Int

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let verticalBits: Int
  private let fraction: Int
  private let horizontalBits: Int
  private let verticalWeights: Buffer<Int16>
  private let verticalTaps: Int
  private let horizontalWeights: Buffer<Int16>
  private let firstPairs: Buffer<Int32>
  private let pairsPerWindow: Int
  private let sourcePairs: Int
  private let rowPointers: Buffer<UnsafePointer<UInt8>>
  /// The vertical pass's rows: centered samples with ``fraction`` fraction bits.
  private let intermediate: Buffer<Int16>
  private let intermediateStride: Int
  private let columns: Buffer<Int32>
  private let lanes: Buffer<UInt8>

  init(plan: ResamplingPlan, kernels: KernelTable, vertical: Int, fraction: Int, horizontal: Int) {
    self.plan = plan
    self.kernels = kernels
    verticalBits = vertical
    self.fraction = fraction
    horizontalBits = horizontal
    rowsPerGroup = Self.rowsPerGroup(channels: plan.channels)

    // Windows are padded to an even number of taps with zero weights.
    let vertical = plan.vertical
    verticalTaps = (vertical.longestWindow + 1) / 2 * 2
    let verticalIntegers = vertical.quantized(bits: verticalBits).integers
    verticalWeights = Buffer(count: vertical.outputCount * verticalTaps, zeroed: true)
    for (i, window) in vertical.windows.enumerated() {
      for (k, position) in window.enumerated() {
        unsafe verticalWeights.base[i * verticalTaps + k] = Int16(verticalIntegers[position])
      }
    }

    // Horizontal windows begin at an even column, so a window may gain a leading zero too.
    let horizontal = plan.horizontal
    pairsPerWindow = horizontal.longestWindow / 2 + 1
    let horizontalIntegers = horizontal.quantized(bits: horizontalBits).integers
    horizontalWeights = Buffer(count: horizontal.outputCount * pairsPerWindow * 2, zeroed: true)
    firstPairs = Buffer(count: horizontal.outputCount, zeroed: true)
    for (i, window) in horizontal.windows.enumerated() {
      let start = horizontal.starts[i]
      unsafe firstPairs.base[i] = Int32(start / 2)
      for (k, position) in window.enumerated() {
        unsafe horizontalWeights.base[i * pairsPerWindow * 2 + start % 2 + k] = Int16(horizontalIntegers[position])
      }
    }

    sourcePairs = (plan.input.width + 1) / 2
    unsafe rowPointers = Buffer(count: verticalTaps, zeroed: false)
    intermediateStride = Self.intermediateStride(plan: plan)
    intermediate = Buffer(count: rowsPerGroup * intermediateStride, zeroed: true)
    // Windows at the right edge reach past the last pair, with zero weights.
    columns = Buffer(count: (sourcePairs + pairsPerWindow) * horizontalLanes, zeroed: true)
    lanes = Buffer(count: plan.output.width * horizontalLanes, zeroed: false)
  }

  static func rowsPerGroup(channels: Int) -> Int { horizontalLanes / (channels == 3 ? 4 : channels) }

  /// Samples from one intermediate row to the next, with room for what the interleaving may read past its end.
  private static func intermediateStride(plan: ResamplingPlan) -> Int {
    (plan.input.width * plan.channels + 16 + 31) / 32 * 32
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    rowsPerGroup(channels: plan.channels) * intermediateStride(plan: plan) * 2
      + (plan.input.width / 2 + 1 + plan.horizontal.longestWindow) * horizontalLanes * 4
      + plan.output.width * (horizontalLanes + plan.horizontal.longestWindow * 2 + 8)
      + plan.output.height * (plan.vertical.longestWindow * 2 + 2)
  }

  /// Vertical pass of output row `row` into `slot` of the group.
  func convolveColumns(row: Int, slot: Int, ring: RowRing) {
    let first = plan.vertical.starts[row]
    let last = first + plan.vertical.offsets[row + 1] - plan.vertical.offsets[row] - 1
    for k in 0..<verticalTaps {
      // Padding taps have a weight of 0 and read the last row again.
      unsafe rowPointers.base[k] = UnsafePointer(ring.row(min(first + k, last)).assumingMemoryBound(to: UInt8.self))
    }
    let shift = Int32(verticalBits - fraction)
    unsafe kernels.convolveColumns(
      rowPointers.base, verticalWeights.base + row * verticalTaps, verticalTaps, plan.input.width * plan.channels,
      (1 << (shift - 1)) - (128 << Int32(verticalBits)), shift, intermediate.base + slot * intermediateStride)
  }

  /// Horizontal pass of the group's first `count` rows.
  func convolveRows(count: Int, output: UnsafeMutablePointer<UInt8>, stride: Int) {
    unsafe kernels.interleaveColumns(
      intermediate.base, intermediateStride, plan.channels, sourcePairs, columns.base)
    let shift = Int32(horizontalBits + fraction)
    unsafe kernels.convolveRows(
      columns.base, firstPairs.base, horizontalWeights.base, pairsPerWindow, plan.output.width,
      shift, lanes.base)
    unsafe deinterleaveLanes(
      lanes: lanes.base, channels: plan.channels, count: plan.output.width, rowCount: count, output: output,
      stride: stride)
  }
}

/// A buffer of plain values, aligned to a cache line, freed with its owner.
@safe
final class Buffer<Element> {
  let base: UnsafeMutablePointer<Element>

  init(count: Int, zeroed: Bool) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    if zeroed { unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes) }
    unsafe base = raw.assumingMemoryBound(to: Element.self)
  }

  deinit { unsafe base.deallocate() }
}
