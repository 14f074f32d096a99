internal import PixelKernels

/// Resamples one plane, or one image of interleaved channels, whose rows arrive in strips from top to bottom.
///
/// Output rows are made as soon as their window has arrived, in groups of as many rows as the horizontal pass has lanes for. Every
/// buffer is allocated once, so that memory is a few source rows times the filter's support, and the small result.
@safe
final class PlaneResampler: GrowingPlane {
  /// The rows that arrive.
  let ring: RowRing
  /// The rows of the small image that are made so far. If fewer rows are kept, row `y` is in row `y % keptRows`.
  private(set) var result: Raster
  /// The number of rows that are done.
  private(set) var rowsDone = 0

  private let plan: ResamplingPlan
  private let layout: RowLayout
  private let keepsFraction: Bool
  private let isPremultiplied: Bool
  private let passes: Passes
  /// Output rows whose vertical pass is done.
  private var rowsConvolved = 0

  /// The number of output rows that the horizontal pass makes at a time for one channel; for more channels it is a divisor of this.
  static let mostRowsPerGroup = HorizontalPass.rowsPerGroup(channels: 1)

  /// Output rows that a vertical pass may make at a time.
  private static let rowsPerStep = 2

  /// The forms of the passes, with their buffers.
  private enum Passes {
    case copy
    case narrow(NarrowPasses)
    case light(LightPasses)
    case wide(WidePasses)
  }

  /// Makes a resampler.
  ///
  /// - Parameters:
  ///   - plan: The resampling of the plane.
  ///   - layout: The layout of the plane's rows.
  ///   - scale: The scale that the plan was made for.
  ///   - keepsFraction: True to keep 8 fraction bits of bytes without alpha: the result has words of 256 times the value.
  ///   - kernels: The kernels to convolve with.
  ///   - stripRows: The rows of a strip.
  ///   - rowBytes: The bytes that the decoder writes to a row: at least those of the layout.
  ///   - ahead: The number of strips that may be decoded ahead of the window.
  ///   - keptRows: The number of rows of the result that are kept; nil for all rows. Otherwise it is a multiple of
  ///     ``mostRowsPerGroup``, and each row must be taken before its place is used again.
  init(
    plan: ResamplingPlan, layout: RowLayout, scale: SampleScale, keepsFraction: Bool = false, kernels: KernelTable,
    stripRows: Int, rowBytes: Int, ahead: Int, keptRows: Int? = nil
  ) {
    self.plan = plan
    self.layout = layout
    self.keepsFraction = keepsFraction
    isPremultiplied = scale.isPremultiplied
    ring = RowRing(
      stripRows: stripRows, rowBytes: rowBytes, window: Self.window(plan: plan, scale: scale), ahead: ahead)
    let kept = ImageSize(width: plan.output.width, height: keptRows ?? plan.output.height)
    result = Raster(size: kept, channels: layout.channels, bitDepth: keepsFraction ? 16 : layout.bitDepth)
    if plan.isCrop {
      passes = .copy
    } else {
      switch plan.precision {
      case .narrow(let vertical, let horizontal):
        passes =
          scale.kind == .light
          ? .light(
            LightPasses(
              plan: plan, kernels: kernels, vertical: vertical, horizontal: horizontal,
              isPremultiplied: scale.isPremultiplied))
          : .narrow(
            NarrowPasses(
              plan: plan, kernels: kernels, vertical: vertical, horizontal: horizontal,
              isPremultiplied: scale.isPremultiplied,
              keepsFraction: keepsFraction))
      case .wide:
        passes = .wide(
          WidePasses(plan: plan, layout: layout, scale: scale, keepsFraction: keepsFraction, kernels: kernels))
      }
    }
  }

  /// Bytes that a resampler takes: ring, intermediates, weights and result.
  static func bytesNeeded(
    plan: ResamplingPlan, layout: RowLayout, scale: SampleScale, keepsFraction: Bool, stripRows: Int, rowBytes: Int,
    ahead: Int,
    keptRows: Int? = nil
  ) -> Int {
    let ring = RowRing.bytesNeeded(
      stripRows: stripRows, rowBytes: rowBytes, window: window(plan: plan, scale: scale), ahead: ahead)
    let result =
      plan.output.width * (keptRows ?? plan.output.height) * layout.channelCount
      * (keepsFraction ? 2 : layout.bitDepth / 8)
    switch plan.precision {
    case .narrow where scale.kind == .light:
      return ring + result + LightPasses.bytesNeeded(plan: plan, isPremultiplied: scale.isPremultiplied)
    case .narrow: return ring + result + NarrowPasses.bytesNeeded(plan: plan, isPremultiplied: scale.isPremultiplied)
    case .wide: return ring + result + WidePasses.bytesNeeded(plan: plan)
    }
  }

  /// The largest number of source rows that are needed at once.
  private static func window(plan: ResamplingPlan, scale: SampleScale) -> Int {
    // Rows of light are added to the sums in pairs, while they arrive.
    scale.kind == .light && plan.precision != .wide && !plan.isCrop
      ? 2 : plan.vertical.longestSpan(of: rowsPerStep)
  }

  /// The first strip that is still needed; `.max` when none is.
  var firstNeededStrip: Int {
    guard rowsConvolved < plan.output.height else { return .max }
    if case .light(let passes) = passes { return passes.firstNeededRow / ring.stripRows }
    return plan.vertical.starts[rowsConvolved] / ring.stripRows
  }

  /// Makes the output rows whose windows lie within the first `rowsArrived` source rows.
  func advance(rowsArrived: Int) {
    switch passes {
    case .light(let passes):
      while passes.take(rowsArrived: rowsArrived, ring: ring) {
        rowsConvolved = passes.rowsConvolved
        finishGroups(of: passes.rowsPerGroup)
      }
    case .narrow(let passes):
      while let rows = nextRows(Self.rowsPerStep, rowsArrived: rowsArrived) {
        passes.convolveColumns(row: rows.lowerBound, count: rows.count, slot: rows.lowerBound - rowsDone, ring: ring)
        rowsConvolved = rows.upperBound
        finishGroups(of: passes.rowsPerGroup)
      }
    case .copy, .wide:
      while let rows = nextRows(1, rowsArrived: rowsArrived) {
        if case .wide(let passes) = passes { passes.convolveColumns(row: rows.lowerBound, ring: ring) }
        rowsConvolved = rows.upperBound
        finishGroups(of: 1)
      }
    }
  }

  /// The next `count` output rows, fewer at the end, if their windows lie within the first `rowsArrived` source rows.
  private func nextRows(_ count: Int, rowsArrived: Int) -> Range<Int>? {
    let rows = rowsConvolved..<min(rowsConvolved + count, plan.output.height)
    return !rows.isEmpty && rows.allSatisfy { plan.vertical.window($0).upperBound <= rowsArrived } ? rows : nil
  }

  /// Makes the horizontal pass of the rows whose vertical pass is done, if they fill a group or are the last ones.
  private func finishGroups(of size: Int) {
    while rowsDone < rowsConvolved {
      let count = min(size, rowsConvolved - rowsDone)
      guard count == size || rowsConvolved == plan.output.height else { return }
      finishRows(count)
    }
  }

  /// Makes the horizontal pass of the next `count` rows.
  private func finishRows(_ count: Int) {
    let (rowBytes, keptRows) = (result.rowBytes, result.size.height)
    unsafe result.bytes.withUnsafeMutableBytes { buffer in
      let target = unsafe buffer.baseAddress! + rowsDone % keptRows * rowBytes
      switch passes {
      case .copy: unsafe copyRow(to: target)
      case .narrow(let passes): unsafe passes.convolveRows(count: count, output: target, stride: rowBytes)
      case .light(let passes):
        unsafe passes.convolveRows(row: rowsDone, count: count, output: target, stride: rowBytes)
      case .wide(let passes): unsafe passes.convolveRow(output: target)
      }
    }
    rowsDone += count
  }

  /// Copies the next row of a result that is a part of the input; transparent pixels lose their hidden color, as in a resize.
  private func copyRow(to target: UnsafeMutableRawPointer) {
    // Not asked of the result, whose bytes are being written.
    let width = plan.output.width
    let sampleBytes = layout.bitDepth / 8
    let pixelBytes = plan.channels * sampleBytes
    let row = unsafe ring.row(plan.vertical.starts[rowsDone]) + plan.horizontal.starts[0] * pixelBytes
    if keepsFraction {
      unsafe scaleToFine(
        UnsafePointer(row.assumingMemoryBound(to: UInt8.self)), count: width,
        output: target.assumingMemoryBound(to: UInt16.self))
    } else {
      unsafe target.copyMemory(from: row, byteCount: width * pixelBytes)
    }
    guard isPremultiplied else { return }
    unsafe clearTransparent(target, sampleBytes: sampleBytes, channels: plan.channels, pixels: width)
  }
}
