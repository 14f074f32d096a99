internal import PixelKernels

/// Resamples rows that arrive from top to bottom: one per image, fed by a decoder, read row by row by its owner.
///
/// A ring holds the rows that the current window needs. Output rows are made in groups as high as the horizontal pass has
/// lanes for. Every buffer is made once, so memory is a few source rows times the filter's support.
@safe
struct RowResampler: ~Copyable {
  /// Rows decoded at a time: one row of JPEG blocks at the usual 4:2:0.
  static let stripRows = 16

  private let plan: ResamplingPlan
  private let layout: RowLayout
  private let kernels: KernelTable
  private let ring: Ring
  private let passes: Passes
  /// Source rows in the ring or already past it.
  private var rowsDecoded = 0

  /// The two forms of the passes, with their buffers.
  private enum Passes {
    case copy
    case narrow(NarrowPasses)
    case wide(WidePasses)
  }

  /// Makes a resampler for decoded rows of `layout`.
  ///
  /// - Parameter scale: The wide passes' scale; not used where the plan is narrow.
  init(plan: ResamplingPlan, layout: RowLayout, scale: SampleScale, kernels: KernelTable) {
    self.plan = plan
    self.layout = layout
    self.kernels = kernels
    ring = Ring(rows: plan.vertical.longestWindow + Self.stripRows, rowBytes: layout.rowBytes)
    if plan.isIdentity {
      passes = .copy
    } else {
      switch plan.precision {
      case .narrow(let vertical, let fraction, let horizontal):
        passes = .narrow(
          NarrowPasses(
            plan: plan, kernels: kernels, vertical: vertical, fraction: fraction, horizontal: horizontal))
      case .wide:
        passes = .wide(WidePasses(plan: plan, layout: layout, scale: scale, kernels: kernels))
      }
    }
  }

  /// Bytes that a resampler for `plan` takes: ring, intermediates and weights.
  static func bytesNeeded(plan: ResamplingPlan, layout: RowLayout) -> Int {
    let ring = (plan.vertical.longestWindow + stripRows) * (layout.rowBytes + Ring.slack)
    switch plan.precision {
    case .narrow: return ring + NarrowPasses.bytesNeeded(plan: plan)
    case .wide: return ring + WidePasses.bytesNeeded(plan: plan)
    }
  }

  /// Puts up to `count` source rows at `base`, `stride` bytes apart, and returns how many; 0 when there are no more.
  typealias ReadRows =
    (_ base: UnsafeMutableRawPointer, _ stride: Int, _ count: Int) throws(PreparationError) -> Int

  /// Reads all source rows and makes all output rows.
  mutating func resample(
    into raster: inout Raster, clock: inout StageClock, readRows: ReadRows
  ) throws(PreparationError) {
    var y = 0
    while y < plan.output.height {
      let group = min(rowsPerGroup, plan.output.height - y)
      for row in y..<y + group {
        let first = plan.vertical.starts[row]
        let count = plan.vertical.offsets[row + 1] - plan.vertical.offsets[row]
        clock.enter(.decode)
        while rowsDecoded < first + count {
          try unsafe decodeStrip(keeping: first, readRows)
        }
        clock.enter(.resize)
        switch passes {
        case .copy: break
        case .narrow(let passes): passes.convolveColumns(row: row, slot: row - y, ring: ring)
        case .wide(let passes): passes.convolveColumns(row: row, slot: row - y, ring: ring)
        }
      }
      store(rows: y..<y + group, into: &raster)
      y += group
    }
    clock.enter(.decode)
    while rowsDecoded < plan.input.height {
      try unsafe decodeStrip(keeping: rowsDecoded, readRows)
    }
  }

  private var rowsPerGroup: Int {
    switch passes {
    case .copy, .wide: 1
    case .narrow(let passes): passes.rowsPerGroup
    }
  }

  /// Decodes up to a strip of rows behind those in the ring, never over a row from `first` on.
  private mutating func decodeStrip(keeping first: Int, _ readRows: ReadRows) throws(PreparationError) {
    let slot = rowsDecoded % ring.rows
    let room = min(ring.rows - slot, first + ring.rows - rowsDecoded, plan.input.height - rowsDecoded)
    let count = try unsafe readRows(ring.row(rowsDecoded), ring.stride, min(room, Self.stripRows))
    guard count > 0 else {
      throw PreparationError(
        .truncated, stage: .decode, "the image ends after row \(rowsDecoded) of \(plan.input.height)",
        remedy: "get a complete copy, or accept damage with --fail-on none")
    }
    rowsDecoded += count
  }

  private func store(rows: Range<Int>, into raster: inout Raster) {
    let rowBytes = raster.rowBytes
    unsafe raster.bytes.withUnsafeMutableBytes { buffer in
      let target = unsafe buffer.baseAddress! + rows.lowerBound * rowBytes
      switch passes {
      case .copy: unsafe target.copyMemory(from: ring.row(rows.lowerBound), byteCount: rowBytes)
      case .narrow(let passes):
        unsafe passes.convolveRows(
          count: rows.count, output: target.assumingMemoryBound(to: UInt8.self), stride: rowBytes)
      case .wide(let passes): unsafe passes.convolveRow(output: target)
      }
    }
  }
}

/// The rows that are in reach of the current window, row `y` in slot `y % rows`.
@safe
final class Ring {
  /// Bytes after each row that a vector may read.
  static let slack = 64

  let rows: Int
  let stride: Int
  private let base: UnsafeMutableRawPointer

  init(rows: Int, rowBytes: Int) {
    self.rows = rows
    stride = (rowBytes + 63) / 64 * 64 + Self.slack
    unsafe base = .allocate(byteCount: rows * stride, alignment: 64)
  }

  deinit { unsafe base.deallocate() }

  /// Row `y`'s first byte.
  func row(_ y: Int) -> UnsafeMutableRawPointer { unsafe base + y % rows * stride }
}
