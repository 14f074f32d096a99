internal import CPixelIntrinsics
internal import Ground

/// Both passes for samples of up to 16 bits with 64-bit sums, and their buffers.
@safe
final class WidePasses: ResamplingPasses {
  private(set) var rowsReady = 0
  let rowsPerGroup = 1

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let verticalWeights: AlignedBuffer<Int32>
  private let horizontalWeights: AlignedBuffer<Int32>
  private let starts: AlignedBuffer<Int32>
  private let taps: Int
  /// Rows of the ring on the working scale.
  private let scaled: ConvertedRows<UInt16>
  private let rowPointers: AlignedBuffer<UnsafePointer<UInt16>>
  private let sums: AlignedBuffer<Int64>
  private let intermediate: AlignedBuffer<Int32>
  private let result: AlignedBuffer<UInt16>
  /// The tables from bytes or words to linear words and back; empty without linear light.
  private let toLinear: [UInt16]
  private let fromLinear: [UInt16]

  init(plan: ResamplingPlan, kernels: KernelTable) {
    self.plan = plan
    self.kernels = kernels
    let vertical = plan.quantized.vertical.integers
    verticalWeights = AlignedBuffer(count: vertical.count, zeroed: false)
    for (k, weight) in vertical.enumerated() { unsafe verticalWeights.base[k] = weight }

    taps = plan.horizontal.longestWindow
    let horizontal = plan.quantized.horizontal.integers
    horizontalWeights = AlignedBuffer(count: plan.horizontal.outputCount * taps, zeroed: true)
    starts = AlignedBuffer(count: plan.horizontal.outputCount, zeroed: true)
    for (i, window) in plan.horizontal.windows.enumerated() {
      unsafe starts.base[i] = Int32(plan.horizontal.starts[i])
      for (k, position) in window.enumerated() {
        unsafe horizontalWeights.base[i * taps + k] = horizontal[position]
      }
    }

    let rowSamples = plan.input.width * plan.channels
    scaled = ConvertedRows(capacity: plan.vertical.longestWindow, rowSamples: rowSamples)
    unsafe rowPointers = AlignedBuffer(count: plan.vertical.longestWindow, zeroed: false)
    sums = AlignedBuffer(count: rowSamples, zeroed: false)
    // Windows at the right edge reach past the last pixel, with zero weights.
    intermediate = AlignedBuffer(count: rowSamples + taps * plan.channels, zeroed: true)
    result = AlignedBuffer(count: plan.output.width * plan.channels, zeroed: false)
    toLinear = plan.scale.linear ? TransferFunction.linearWords(levels: plan.layout.bitDepth == 16 ? 65_536 : 256) : []
    fromLinear =
      plan.scale.linear ? TransferFunction.encodedLevels(maximum: plan.layout.bitDepth == 16 ? 65_535 : 255) : []
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let rowSamples = plan.input.width * plan.channels
    return plan.vertical.longestWindow * (rowSamples * 2 + 8) + rowSamples * 12
      + (plan.vertical.weights.count + plan.horizontal.outputCount * (plan.horizontal.longestWindow + 1)) * 4
      + plan.output.width * plan.channels * 2
  }

  static func window(plan: ResamplingPlan) -> Int { plan.vertical.longestWindow }
  static func rowsHeldBack(plan: ResamplingPlan) -> Int { 0 }

  var firstNeededRow: Int { plan.vertical.starts[rowsReady] }

  /// Convolves one output row vertically.
  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    guard let rows = plan.nextRows(1, after: rowsReady, rowsArrived: rowsArrived) else { return false }
    let row = rows.lowerBound
    let first = plan.vertical.starts[row]
    let taps = plan.vertical.offsets[row + 1] - plan.vertical.offsets[row]
    let rowSamples = plan.input.width * plan.channels
    unsafe scaled.advance(to: first..<first + taps) { y, output in unsafe toScale(ring.row(y), output: output) }
    for k in 0..<taps { unsafe rowPointers.base[k] = scaled.row(first + k) }
    unsafe kernels.wide.convolve_columns(
      cpi_wide_column_convolution(
        rows: rowPointers.base, weights: verticalWeights.base + plan.vertical.offsets[row], taps: taps,
        count: rowSamples, shift: Int64(ResamplingPlan.wideWeightBits - ResamplingPlan.wideFraction), sums: sums.base,
        output: intermediate.base))
    rowsReady = rows.upperBound
    return true
  }

  /// Convolves the row of the vertical convolution horizontally.
  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let (scale, keepsFraction) = (plan.scale, plan.passesKeepFraction)
    unsafe kernels.wide.convolve_row(
      cpi_wide_row_convolution(
        row: intermediate.base, channels: plan.channels, starts: starts.base, weights: horizontalWeights.base,
        taps: taps, output_count: plan.output.width,
        shift: Int64(ResamplingPlan.wideWeightBits + ResamplingPlan.wideFraction - (keepsFraction ? 8 : 0)),
        maximum: keepsFraction ? .max : scale.maximum, has_alpha: scale.isPremultiplied, output: result.base))
    let pixels = plan.output.width
    let count = pixels * plan.channels
    if scale.kind == .words || scale.kind == .light { fromScaledWords() }
    if plan.layout.bitDepth == 16 || keepsFraction {
      unsafe output.copyMemory(from: result.base, byteCount: count * 2)
    } else if scale.kind == .products {
      unsafe kernels.wide.unpremultiply_products(
        result.base, plan.channels, pixels, output.assumingMemoryBound(to: UInt8.self))
    } else {
      unsafe kernels.wide.narrow_to_bytes(result.base, count, output.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// Converts one decoded row to the working scale.
  private func toScale(_ row: UnsafeMutableRawPointer, output: UnsafeMutablePointer<UInt16>) {
    let pixels = plan.input.width
    let count = pixels * plan.channels
    let bytes = unsafe UnsafePointer(row.assumingMemoryBound(to: UInt8.self))
    switch plan.scale.kind {
    case .bytes: unsafe kernels.wide.widen_bytes(bytes, count, output)
    case .products: unsafe kernels.wide.premultiply_bytes(bytes, plan.channels, pixels, output)
    case .words, .light:
      if plan.layout.bitDepth == 16 {
        unsafe output.update(from: row.assumingMemoryBound(to: UInt16.self), count: count)
      } else {
        unsafe kernels.wide.widen_bytes(bytes, count, output)
      }
      if plan.scale.linear {
        unsafe TransferFunction.mapColors(output, pixels: pixels, layout: plan.layout, through: toLinear)
        if plan.layout.bitDepth == 8 { unsafe mapAlpha(output, pixels: pixels) { $0 * 257 } }
      }
      if plan.scale.isPremultiplied { unsafe kernels.wide.premultiply_words(output, plan.channels, pixels) }
    }
  }

  /// Converts the result row from the working scale to straight samples of the source's depth.
  private func fromScaledWords() {
    if plan.scale.isPremultiplied {
      unsafe kernels.wide.unpremultiply_words(result.base, plan.channels, plan.output.width)
    }
    guard plan.scale.linear else { return }
    let pixels = plan.output.width
    unsafe TransferFunction.mapColors(result.base, pixels: pixels, layout: plan.layout, through: fromLinear)
    if plan.layout.bitDepth == 8 { unsafe mapAlpha(result.base, pixels: pixels) { UInt16((UInt32($0) + 128) / 257) } }
  }

  /// Changes the alpha of each pixel, if there is alpha.
  private func mapAlpha(_ row: UnsafeMutablePointer<UInt16>, pixels: Int, _ change: (UInt16) -> UInt16) {
    guard plan.layout.channels.hasAlpha else { return }
    for last in stride(from: plan.channels - 1, to: pixels * plan.channels, by: plan.channels) {
      unsafe row[last] = change(row[last])
    }
  }
}
