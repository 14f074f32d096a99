internal import CPixelIntrinsics
internal import Ground

/// Resamples one plane, or one image of interleaved channels, whose rows arrive in strips from top to bottom.
///
/// Output rows are made as soon as their window has arrived, in groups. Every buffer is allocated once, so that the memory is a few source
/// rows (in proportion to the filter's support) and the small result.
@safe
final class PlaneResampler: GrowingPlane {
  /// The rows that arrive.
  let ring: RowRing
  /// The rows of the small image that are made so far. If fewer rows are kept, row `y` is in row `y % keptRows`.
  private(set) var result: Raster
  /// The number of rows that are done.
  private(set) var rowsDone = 0

  private let plan: ResamplingPlan
  private let passes: any ResamplingPasses
  private let kernels: KernelTable
  /// A group of rows before their range is expanded; empty if it is not.
  private let unexpanded: AlignedBuffer<UInt16>

  /// A multiple of the output rows that any passes make at a time.
  static let mostRowsPerGroup = HorizontalConvolution.rowsPerGroup(channels: 1)

  /// Makes a resampler.
  ///
  /// - Parameters:
  ///   - plan: The resampling of the plane.
  ///   - kernels: The kernels to convolve with.
  ///   - stripRows: The rows of a strip.
  ///   - rowBytes: The bytes that the decoder writes to a row: at least those of the plan's layout.
  ///   - ahead: The number of strips that may be decoded ahead of the window.
  ///   - keptRows: The number of rows of the result that are kept; nil for all rows. Otherwise it is a multiple of
  ///     ``mostRowsPerGroup``, and each row must be taken before its place is used again.
  convenience init(
    plan: ResamplingPlan, kernels: KernelTable, stripRows: Int, rowBytes: Int, ahead: Int, keptRows: Int? = nil
  ) {
    let ring = RowRing(
      stripRows: stripRows, rowBytes: rowBytes, window: plan.passes.window(plan: plan), ahead: ahead)
    self.init(plan: plan, kernels: kernels, ring: ring, keptRows: keptRows)
  }

  /// Makes a resampler of the rows of a ring.
  init(plan: ResamplingPlan, kernels: KernelTable, ring: RowRing, keptRows: Int? = nil) {
    self.plan = plan
    self.kernels = kernels
    self.ring = ring
    passes = plan.passes.init(plan: plan, kernels: kernels)
    unexpanded = AlignedBuffer(count: Self.unexpandedSamples(plan), zeroed: false)
    result = Raster(
      uninitialized: ImageSize(width: plan.output.width, height: keptRows ?? plan.output.height),
      channels: plan.layout.channels, bitDepth: plan.resultBitDepth)
  }

  /// Bytes that a resampler takes: ring, intermediates, weights and result.
  static func bytesNeeded(
    plan: ResamplingPlan, stripRows: Int, rowBytes: Int, ahead: Int, keptRows: Int? = nil
  ) -> Int {
    let ring = RowRing.bytesNeeded(
      stripRows: stripRows, rowBytes: rowBytes, window: plan.passes.window(plan: plan), ahead: ahead)
    let result =
      plan.output.width * (keptRows ?? plan.output.height) * plan.channels * (plan.resultBitDepth / 8)
    return ring + result + plan.passes.bytesNeeded(plan: plan) + unexpandedSamples(plan) * MemoryLayout<UInt16>.size
  }

  private static func unexpandedSamples(_ plan: ResamplingPlan) -> Int {
    plan.expansion == nil ? 0 : mostRowsPerGroup * plan.output.width * plan.channels
  }

  /// The first strip that is still needed; `.max` when none is.
  var firstNeededStrip: Int {
    passes.rowsReady < plan.output.height ? passes.firstNeededRow / ring.stripRows : .max
  }

  /// Makes the output rows whose windows lie within the first `rowsArrived` source rows.
  func advance(rowsArrived: Int) {
    while passes.take(rowsArrived: rowsArrived, ring: ring) {
      while rowsDone < passes.rowsReady {
        let end = min(rowsDone + passes.rowsPerGroup, plan.output.height)
        guard end <= passes.rowsReady else { break }
        makeRows(rowsDone..<end)
      }
    }
  }

  private func makeRows(_ rows: Range<Int>) {
    let (rowBytes, keptRows) = (result.rowBytes, result.size.height)
    unsafe result.bytes.withUnsafeMutableBytes { buffer in
      let output = unsafe buffer.baseAddress! + rows.lowerBound % keptRows * rowBytes
      if let expansion = plan.expansion {
        unsafe makeRows(rows, expandedBy: expansion, output: output)
      } else {
        unsafe passes.makeRows(rows, output: output, stride: rowBytes)
      }
    }
    rowsDone = rows.upperBound
  }

  private func makeRows(_ rows: Range<Int>, expandedBy expansion: RangeExpansion, output: UnsafeMutableRawPointer) {
    let rowSamples = plan.output.width * plan.channels
    unsafe passes.makeRows(rows, output: unexpanded.base, stride: rowSamples * MemoryLayout<UInt16>.size)
    let (count, table) = (rows.count * rowSamples, kernels.finishing)
    if plan.keepsFraction {
      unsafe table.expand_to_fine(
        unexpanded.base, count, expansion.gain, expansion.bias, output.assumingMemoryBound(to: UInt16.self))
    } else {
      unsafe table.expand_to_bytes(
        unexpanded.base, count, expansion.gain, expansion.bias, output.assumingMemoryBound(to: UInt8.self))
    }
  }
}

extension ResamplingPlan {
  /// The passes that carry the plan out.
  var passes: any ResamplingPasses.Type {
    switch method {
    case .copy: CopyPasses.self
    case .verticalFirst: VerticalFirstPasses.self
    case .horizontalFirst: HorizontalFirstPasses.self
    case .light: LightPasses.self
    case .float: FloatPasses.self
    case .wide: WidePasses.self
    }
  }
}
