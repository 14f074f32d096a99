internal import PixelKernels

/// The plan of one resize: windows, weights and their precision, decided before a pixel is read.
struct ResamplingPlan: Sendable {
  /// Fraction bits of the weights of one narrow pass.
  struct WeightBits: Sendable, Equatable {
    /// Fraction bits of the weights.
    let weights: Int
    /// Fraction bits that are cut off the products of each pair of taps, because they do not fit into 32-bit sums.
    let pairShift: Int32
    /// Fraction bits of the sums, in addition to those of their samples.
    var sums: Int { weights - Int(pairShift) }
  }

  /// The passes that carry a plan out, with the fraction bits of their weights.
  enum Method: Sendable, Equatable {
    /// No resampling: the result is a part of the input as it is.
    case copy
    /// 16-bit weights, 16-bit intermediate with 7 fraction bits, 32-bit sums: 8-bit samples or their products with alpha. The
    /// vertical pass comes first, which is cheaper if the result is smaller.
    case verticalFirst(vertical: WeightBits, horizontal: WeightBits)
    /// The same precision with the horizontal pass first, which is cheaper if the result is larger.
    case horizontalFirst(vertical: WeightBits, horizontal: WeightBits)
    /// The same precision with the vertical pass first, for the light of 8-bit samples.
    case light(vertical: WeightBits, horizontal: WeightBits)
    /// Weights, intermediate and sums in binary32: 16-bit samples.
    case float
    /// 32-bit weights with 26 fraction bits, 32-bit intermediate with 13, 64-bit sums.
    case wide
  }

  /// Fraction bits of wide weights: Σ|weights| < 2 must fit Int32.
  static let wideWeightBits = 26
  /// Fraction bits of the wide intermediate: 16-bit samples with overshoot below 2 must fit Int32.
  static let wideFraction = 13
  /// Fraction bits of 16-bit samples in narrow passes (premultiplied ones, light, and the intermediate): centered samples with these bits
  /// and their overshoot fill 16 bits.
  static let wordFraction = 7
  /// The largest difference of premultiplied samples from color times alpha, in 8-bit levels.
  static let premultiplicationError = 0.75 / 128
  /// Levels that sRGB's transfer function makes of one level of light near black (IEC 61966-2-1:1999).
  static let steepestEncoding = 12.92

  /// The mean squared error that narrow passes may add to a picture, whatever it shows, in squared 8-bit levels.
  ///
  /// Rounding to whole levels adds noise of 1/12, because fractions of exact values are spread evenly. An error e before rounding changes a
  /// result only if a half lies between the exact value and the wrong one. If the exact value is at a distance d from the half, this raises
  /// the squared error from (1/2 − d)² to (1/2 + d)², by 2d; the mean over evenly spread fractions is ∫₀^|e| 2d = e². Errors may cost 0.15
  /// dB of the signal-to-noise ratio: 10^0.015 − 1 = 3.51 % of 1/12.
  ///
  /// This value is compared with ``ErrorBounds/meanSquare``, in which each sample has the largest error that any picture can cause. Real
  /// pictures cause less: random samples of 0 and 255 lose up to 0.004 dB, photographs 0.0003 dB, flat areas nothing. Fractions are not
  /// spread in a result of very few values, such as stripes that repeat as windows do: if a value lies closer to a half than its error, it
  /// is rounded the other way everywhere, which costs more noise. It still differs by 1 level only.
  static let acceptedNoise = 0.0351 / 12

  /// The largest error before rounding, in 8-bit levels.
  ///
  /// A sample whose error is below 1 is rounded to a level that differs from the right one by 1 at most. Planes of Y, Cb and Cr keep their
  /// fractions until they are converted to RGB. Blue, Y + 1.772 Cb, then contains the errors of two planes.
  static let acceptedError = 1 / (1 + 1.772)

  /// The layout of the input's rows.
  let layout: RowLayout
  /// The scale on which samples are convolved.
  let scale: SampleScale
  /// True for a result of words with 8 fraction bits, 256 times the value; for bytes without alpha only.
  let keepsFraction: Bool
  /// The change of samples to the full range after the passes; nil for none. For bytes without alpha only.
  let expansion: RangeExpansion?
  /// Input size in stored pixels.
  let input: ImageSize
  /// Output size in stored pixels (orientation not applied).
  let output: ImageSize
  /// Windows of the output's rows.
  let vertical: AxisWeights
  /// Windows of the output's columns.
  let horizontal: AxisWeights
  /// The passes and their precision.
  let method: Method
  /// The weights of the output's rows and columns as integers.
  let quantized: (vertical: QuantizedWeights, horizontal: QuantizedWeights)
  /// The largest error of any output sample against float64, in 8-bit levels, before it is rounded.
  let errorBound: Double

  /// Samples per pixel.
  var channels: Int { layout.channelCount }
  /// Bits of the result's samples.
  var resultBitDepth: Int { keepsFraction ? 16 : layout.bitDepth }
  /// True if the passes make words with 8 fraction bits: for the result, or for the expansion.
  var passesKeepFraction: Bool { keepsFraction || expansion != nil }

  /// Makes a plan.
  ///
  /// - Parameters:
  ///   - layout: The layout of the input's rows.
  ///   - height: Rows of the input.
  ///   - horizontal: The place of the output's columns on the input, in input samples.
  ///   - vertical: The place of the output's rows on the input, in input samples.
  ///   - filter: The resampling filter.
  ///   - scale: The scale on which samples are convolved.
  ///   - keepsFraction: True to keep 8 fraction bits of bytes without alpha.
  ///   - expansion: The change of the resized samples to the full range; nil for none.
  init(
    layout: RowLayout, height: Int, horizontal: AxisGeometry, vertical: AxisGeometry, filter: ResamplingFilter,
    scale: SampleScale, keepsFraction: Bool = false, expansion: RangeExpansion? = nil
  ) {
    precondition(!keepsFraction && expansion == nil || scale.kind == .bytes, "only plain bytes have a fine result")
    self.layout = layout
    self.scale = scale
    self.keepsFraction = keepsFraction
    self.expansion = expansion
    input = ImageSize(width: layout.width, height: height)
    output = ImageSize(width: horizontal.count, height: vertical.count)
    let vertical = AxisWeights(
      inputCount: input.height, origin: vertical.origin, length: vertical.length, outputCount: vertical.count,
      filter: filter)
    let horizontal = AxisWeights(
      inputCount: input.width, origin: horizontal.origin, length: horizontal.length, outputCount: horizontal.count,
      filter: filter)
    self.vertical = vertical
    self.horizontal = horizontal
    if vertical.isCrop && horizontal.isCrop {
      method = .copy
      quantized = (QuantizedWeights.none, QuantizedWeights.none)
      errorBound = 0
    } else if let narrow = Self.narrow(vertical: vertical, horizontal: horizontal, scale: scale.kind) {
      (method, quantized, errorBound) = narrow
    } else if scale.kind == .words, let bound = Self.floatBound(vertical: vertical, horizontal: horizontal) {
      method = .float
      quantized = (QuantizedWeights.none, QuantizedWeights.none)
      errorBound = bound
    } else {
      method = .wide
      quantized = (vertical.quantized(bits: Self.wideWeightBits), horizontal.quantized(bits: Self.wideWeightBits))
      // The bounds of 16-bit samples, in 8-bit levels.
      let bounds = ErrorBounds(
        first: vertical.reaches(of: quantized.vertical), second: horizontal.reaches(of: quantized.horizontal),
        input: 0, intermediate: 0.5 / Double(1 << Self.wideFraction))
      errorBound = bounds.largest
    }
  }

  /// A method with its weights of 16 bits, and the error of both.
  private typealias Narrow = (Method, (vertical: QuantizedWeights, horizontal: QuantizedWeights), Double)

  /// The fastest passes with 16-bit weights that keep to ``acceptedNoise`` and ``acceptedError``, or nil if 16-bit weights are too
  /// coarse (Lanczos3: below about 1:300) or samples have 16 bits.
  private static func narrow(
    vertical: AxisWeights, horizontal: AxisWeights, scale: SampleScale.Kind
  ) -> Narrow? {
    // The intermediate holds (value − 128) within ±256.
    guard scale != .words, vertical.largestGain < 1.9, horizontal.largestGain < 1.9 else { return nil }
    guard scale != .light, isHorizontalFirst(vertical: vertical, horizontal: horizontal) else {
      return verticalFirst(vertical: vertical, horizontal: horizontal, scale: scale)
    }
    return horizontalFirst(vertical: vertical, horizontal: horizontal, scale: scale)
      ?? verticalFirst(vertical: vertical, horizontal: horizontal, scale: scale)
  }

  /// True if the horizontal pass first is less work. Work is counted in taps of the vertical convolution for each channel.
  private static func isHorizontalFirst(vertical: AxisWeights, horizontal: AxisWeights) -> Bool {
    let (width, height) = (Double(horizontal.inputCount), Double(vertical.inputCount))
    let (newWidth, newHeight) = (Double(horizontal.outputCount), Double(vertical.outputCount))
    let rowTaps = Double(vertical.longestWindow)
    let columnTaps = Double(horizontal.longestWindow) * horizontalTap + horizontalSample
    return newWidth * (height * columnTaps + newHeight * rowTaps)
      < newHeight * (width * rowTaps + newWidth * columnTaps)
  }

  /// The cost of one tap of the horizontal convolution; one tap of the vertical convolution costs 1.
  private static let horizontalTap = 1.5
  /// The cost of the horizontal convolution for each sample, beside its taps.
  private static let horizontalSample = 3.0

  /// The passes with the vertical one first; nil if the errors are too large.
  ///
  /// The noise of light has the same limit, although light is encoded afterwards. Encoding increases an error where sRGB's curve is steeper
  /// than 1, and results are dark there. But nearly all samples of a dark result are dark too, and their errors are in proportion to them.
  private static func verticalFirst(
    vertical: AxisWeights, horizontal: AxisWeights, scale: SampleScale.Kind
  ) -> Narrow? {
    // Sums of 32 bits have room for all bits of the weights if samples are bytes. If samples have 16 bits, the room depends on the
    // overshoot.
    let (rowBits, columnBits) = (bits(for: vertical), bits(for: horizontal))
    let rowRoom = scale == .bytes ? rowBits : min(rowBits, 16)
    let columnRoom = min(columnBits, vertical.largestGain * horizontal.largestGain < 1.99 ? 16 : 15)
    // Bits that do not fit into sums are cut off the products of each pair. This costs time, and it costs the least in the horizontal
    // convolution.
    for (rowWeights, columnWeights) in [(rowRoom, columnRoom), (rowRoom, columnBits), (rowBits, columnBits)] {
      let rows = WeightBits(weights: rowWeights, pairShift: Int32(rowWeights - rowRoom))
      let columns = WeightBits(weights: columnWeights, pairShift: Int32(columnWeights - columnRoom))
      if let found = checked(first: (vertical, rows), second: (horizontal, columns), scale: scale) {
        let method: Method =
          scale == .light
          ? .light(vertical: rows, horizontal: columns) : .verticalFirst(vertical: rows, horizontal: columns)
        return (method, (vertical: found.first, horizontal: found.second), found.error)
      }
    }
    return nil
  }

  private static func horizontalFirst(
    vertical: AxisWeights, horizontal: AxisWeights, scale: SampleScale.Kind
  ) -> Narrow? {
    // Both convolutions take 16-bit samples.
    let (rowBits, columnBits) = (bits(for: vertical), bits(for: horizontal))
    let rowRoom = min(rowBits, vertical.largestGain * horizontal.largestGain < 1.99 ? 16 : 15)
    let columnRoom = min(columnBits, 16)
    for (rowWeights, columnWeights) in [(rowRoom, columnRoom), (rowRoom, columnBits), (rowBits, columnBits)] {
      let rows = WeightBits(weights: rowWeights, pairShift: Int32(rowWeights - rowRoom))
      let columns = WeightBits(weights: columnWeights, pairShift: Int32(columnWeights - columnRoom))
      if let found = checked(first: (horizontal, columns), second: (vertical, rows), scale: scale) {
        return (
          .horizontalFirst(vertical: rows, horizontal: columns), (vertical: found.second, horizontal: found.first),
          found.error
        )
      }
    }
    return nil
  }

  /// The weights of two passes in the order of their execution, and the largest error; nil if the errors are too large.
  private static func checked(
    first: (axis: AxisWeights, bits: WeightBits), second: (axis: AxisWeights, bits: WeightBits),
    scale: SampleScale.Kind
  ) -> (first: QuantizedWeights, second: QuantizedWeights, error: Double)? {
    let weights = (
      first: first.axis.quantized(bits: first.bits.weights), second: second.axis.quantized(bits: second.bits.weights)
    )
    guard weights.first.fit16Bits, weights.second.fit16Bits else { return nil }
    let bounds = ErrorBounds(
      first: first.axis.reaches(of: weights.first), second: second.axis.reaches(of: weights.second),
      input: scale == .products ? premultiplicationError : 0,
      intermediate: 0.5 / Double(1 << wordFraction) + cutOff(first.bits, of: first.axis)
        + cutOff(second.bits, of: second.axis))
    let largest = scale == .light ? 1 / steepestEncoding : acceptedError
    guard bounds.meanSquare <= acceptedNoise, bounds.largest < largest else { return nil }
    return (weights.first, weights.second, bounds.largest)
  }

  /// The largest difference of the samples of binary32 passes from float64, in 8-bit levels. Nil if a result of 16 bits may differ by more
  /// than one of its own levels.
  ///
  /// Each product and each sum is rounded by 2^−24 of its magnitude at most, and so is each weight. Centered samples are within
  /// 32 768, and partial sums within that times the gain of the window.
  private static func floatBound(vertical: AxisWeights, horizontal: AxisWeights) -> Double? {
    func roundings(_ axis: AxisWeights) -> Double {
      // A term is rounded in its weight, in its product, in each sum of its block, and in each sum of blocks.
      Double(2 + min(axis.longestWindow, floatBlock) + (axis.longestWindow + floatBlock - 1) / floatBlock)
    }
    let unit = 32_768 * 0x1p-24
    let first = roundings(vertical) * vertical.largestGain * unit
    let second = roundings(horizontal) * vertical.largestGain * horizontal.largestGain * unit
    // Adding the center and rounding to words change a sample by 2^−8 at most, each.
    let bound = first * horizontal.largestGain + second + 0x1p-7
    return bound < 0.5 ? bound / 257 : nil
  }

  /// The largest amount by which shifting the products of pairs reduces a sum, in 8-bit levels.
  private static func cutOff(_ bits: WeightBits, of axis: AxisWeights) -> Double {
    bits.pairShift == 0 ? 0 : Double(axis.longestWindow / 2 + 1) / Double(1 << (bits.sums + wordFraction))
  }

  /// The most fraction bits, 14 to 22, with which the largest weight still fits 16 bits.
  private static func bits(for axis: AxisWeights) -> Int {
    let largest = axis.largestMagnitude
    var bits = 14
    while bits < 22, largest * Double(1 << (bits + 1)) < 32_766 { bits += 1 }
    return bits
  }
}
