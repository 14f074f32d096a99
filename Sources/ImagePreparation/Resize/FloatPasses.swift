internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Both passes for samples of 16 bits with binary32 sums, and their buffers.
@safe
final class FloatPasses: ResamplingPasses {
  private(set) var rowsReady = 0
  let rowsPerGroup = floatRows

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let verticalWeights: AlignedBuffer<Float>
  private let horizontalWeights: AlignedBuffer<Float>
  private let starts: AlignedBuffer<Int32>
  private let taps: Int
  /// A row of the ring in linear light.
  private let words: AlignedBuffer<UInt16>
  /// Rows of the ring as centered floats.
  private let converted: ConvertedRows<Float>
  private let rowPointers: AlignedBuffer<UnsafePointer<Float>>
  /// The rows of a group after the vertical pass.
  private let intermediate: AlignedBuffer<Float>
  private let intermediateStride: Int
  /// The rows of a group after the horizontal pass.
  private let result: AlignedBuffer<Float>
  private let resultStride: Int
  /// The tables from words to linear words and back; empty without linear light.
  private let toLinear: [UInt16]
  private let fromLinear: [UInt16]

  init(plan: ResamplingPlan, kernels: KernelTable) {
    self.plan = plan
    self.kernels = kernels
    verticalWeights = AlignedBuffer(count: plan.vertical.weights.count, zeroed: false)
    for (k, weight) in plan.vertical.weights.enumerated() { unsafe verticalWeights.base[k] = Float(weight) }
    taps = Self.taps(plan: plan)
    horizontalWeights = AlignedBuffer(count: plan.horizontal.outputCount * taps, zeroed: true)
    starts = AlignedBuffer(count: plan.horizontal.outputCount, zeroed: true)
    for (i, window) in plan.horizontal.windows.enumerated() {
      unsafe starts.base[i] = Int32(plan.horizontal.starts[i])
      for (k, position) in window.enumerated() {
        unsafe horizontalWeights.base[i * taps + k] = Float(plan.horizontal.weights[position])
      }
    }
    let rowSamples = plan.input.width * plan.channels
    words = AlignedBuffer(count: plan.scale.linear ? rowSamples : 0, zeroed: false)
    converted = ConvertedRows(capacity: plan.vertical.longestWindow, rowSamples: rowSamples)
    unsafe rowPointers = AlignedBuffer(count: plan.vertical.longestWindow, zeroed: false)
    intermediateStride = Self.intermediateStride(plan: plan)
    // Windows at the right edge reach past the last pixel, with zero weights.
    intermediate = AlignedBuffer(count: floatRows * intermediateStride, zeroed: true)
    resultStride = Self.resultStride(plan: plan)
    result = AlignedBuffer(count: floatRows * resultStride, zeroed: false)
    toLinear = plan.scale.linear ? TransferFunction.linearWords(levels: 65_536) : []
    fromLinear = plan.scale.linear ? TransferFunction.encodedLevels(maximum: 65_535) : []
  }

  /// The taps of a horizontal window. With one channel, the kernel takes four at a time, so their number is a multiple of four.
  private static func taps(plan: ResamplingPlan) -> Int {
    plan.channels == 1 ? (plan.horizontal.longestWindow + 3) / 4 * 4 : plan.horizontal.longestWindow
  }

  private static func intermediateStride(plan: ResamplingPlan) -> Int {
    ((plan.input.width + taps(plan: plan)) * plan.channels + 4 + 15) / 16 * 16
  }

  private static func resultStride(plan: ResamplingPlan) -> Int {
    (plan.output.width * plan.channels + 4 + 15) / 16 * 16
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    let rowSamples = plan.input.width * plan.channels
    let rows = floatRows * (intermediateStride(plan: plan) + resultStride(plan: plan))
    let weights = plan.vertical.weights.count + plan.output.width * (taps(plan: plan) + 1)
    return (plan.vertical.longestWindow * (rowSamples + 2) + rows + weights) * 4
      + (plan.scale.linear ? rowSamples * 2 + 2 * 131_072 : 0)
  }

  static func window(plan: ResamplingPlan) -> Int { plan.vertical.longestWindow }
  static func rowsHeldBack(plan: ResamplingPlan) -> Int { floatRows }

  var firstNeededRow: Int { plan.vertical.starts[rowsReady] }

  /// Convolves one output row vertically.
  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    guard let rows = plan.nextRows(1, after: rowsReady, rowsArrived: rowsArrived) else { return false }
    let row = rows.lowerBound
    let window = plan.vertical.window(row)
    unsafe converted.advance(to: window) { y, output in unsafe convert(ring.row(y), output: output) }
    for (k, y) in window.enumerated() { unsafe rowPointers.base[k] = converted.row(y) }
    unsafe kernels.floats.convolve_columns(
      cpi_float_column_convolution(
        rows: rowPointers.base, weights: verticalWeights.base + plan.vertical.offsets[row], taps: window.count,
        count: plan.input.width * plan.channels,
        output: intermediate.base + row % floatRows * intermediateStride))
    rowsReady = rows.upperBound
    return true
  }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    let (width, channels) = (plan.output.width, plan.channels)
    unsafe kernels.floats.convolve_rows(
      cpi_float_row_convolution(
        rows: intermediate.base, stride: intermediateStride, channels: channels, starts: starts.base,
        weights: horizontalWeights.base, taps: taps, output_count: width, output: result.base,
        output_stride: resultStride))
    for k in 0..<rows.count {
      let row = unsafe result.base + k * resultStride
      let target = unsafe (output + k * stride).assumingMemoryBound(to: UInt16.self)
      if plan.scale.isPremultiplied {
        unsafe kernels.floats.unpremultiply(row, channels, width, target)
      } else {
        unsafe kernels.floats.round(row, width * channels, target)
      }
      if plan.scale.linear {
        unsafe TransferFunction.mapColors(target, pixels: width, layout: plan.layout, through: fromLinear)
      }
    }
  }

  /// Converts one decoded row to centered floats.
  private func convert(_ row: UnsafeMutableRawPointer, output: UnsafeMutablePointer<Float>) {
    let pixels = plan.input.width
    let count = pixels * plan.channels
    var samples = unsafe UnsafePointer(row.assumingMemoryBound(to: UInt16.self))
    if plan.scale.linear {
      unsafe words.base.update(from: samples, count: count)
      unsafe TransferFunction.mapColors(words.base, pixels: pixels, layout: plan.layout, through: toLinear)
      unsafe samples = UnsafePointer(words.base)
    }
    if plan.scale.isPremultiplied {
      unsafe kernels.floats.premultiply(samples, plan.channels, pixels, output)
    } else {
      unsafe kernels.floats.center_words(samples, count, output)
    }
  }
}
