/// How one image is resampled: windows, weights and their precision, decided before a pixel is touched.
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

  /// The precision of weights and intermediate.
  enum Precision: Sendable, Equatable {
    /// 16-bit weights, 16-bit intermediate with 7 fraction bits, 32-bit sums (8-bit samples, their products with alpha, or
    /// their light).
    case narrow(vertical: WeightBits, horizontal: WeightBits)
    /// 32-bit weights with 26 fraction bits, 32-bit intermediate with 13, 64-bit sums.
    case wide
  }

  /// Fraction bits of wide weights: Σ|weights| < 2 must fit Int32.
  static let wideWeightBits = 26
  /// Fraction bits of the wide intermediate: 16-bit samples with overshoot below 2 must fit Int32.
  static let wideFraction = 13
  /// Fraction bits of 16-bit samples in narrow passes (premultiplied ones, light, and the intermediate): centered, they and
  /// their overshoot fill 16 bits.
  static let wordFraction = 7
  /// How far premultiplied samples can lie from color times alpha, in 8-bit levels.
  static let premultiplicationError = 0.75 / 128
  /// Levels that sRGB's transfer function makes of one level of light near black (IEC 61966-2-1:1999).
  static let steepestEncoding = 12.92

  /// The mean squared error that narrow passes may add to a picture, whatever it shows, in squared 8-bit levels.
  ///
  /// Rounding to whole levels adds noise of 1/12, as fractions of exact values are spread evenly. An error e before rounding
  /// changes a result only where a half lies between the exact value and the wrong one. At a distance d from the half that
  /// raises the squared error from (1/2 − d)² to (1/2 + d)², by 2d; the mean over evenly spread fractions is ∫₀^|e| 2d = e².
  /// Errors may cost 0.15 dB of the signal-to-noise ratio: 10^0.015 − 1 = 3.51 % of 1/12.
  ///
  /// It is held against ``ErrorBounds/meanSquare``, where each sample has the largest error that any picture can cause it.
  /// Pictures cause less: random samples of 0 and 255 lose up to 0.004 dB, photographs 0.0003 dB, flat areas nothing.
  /// Fractions are not spread in a result of very few values, such as stripes that repeat as windows do: where one of them
  /// lies closer to a half than its error, it is rounded the other way everywhere and costs more. It is still off by 1.
  static let acceptedNoise = 0.0351 / 12

  /// The largest error before rounding, in 8-bit levels.
  ///
  /// A sample that errs by less than 1 is rounded to one level from the right one at most. Planes of Y, Cb and Cr keep their
  /// fractions until they are RGB: blue, Y + 1.772 Cb, adds up the errors of two of them.
  static let acceptedError = 1 / (1 + 1.772)

  /// Samples per pixel.
  let channels: Int
  /// Input size in stored pixels.
  let input: ImageSize
  /// Output size in stored pixels (orientation not applied).
  let output: ImageSize
  /// Windows of the output's rows.
  let vertical: AxisWeights
  /// Windows of the output's columns.
  let horizontal: AxisWeights
  /// The precision of weights and intermediate.
  let precision: Precision
  /// The windows of the output's rows and columns as integers.
  let quantized: (vertical: QuantizedWeights, horizontal: QuantizedWeights)
  /// How far any output sample can lie from float64, in 8-bit levels, before it is rounded.
  let errorBound: Double

  /// Makes a plan.
  ///
  /// - Parameters:
  ///   - input: The input's size in stored pixels.
  ///   - horizontal: The place of the output's columns on the input, in input samples.
  ///   - vertical: The place of the output's rows on the input, in input samples.
  ///   - channels: Samples per pixel, 1 to 4.
  ///   - filter: The resampling filter.
  ///   - scale: The scale of the samples; words are never narrow.
  init(
    input: ImageSize, horizontal: AxisGeometry, vertical: AxisGeometry, channels: Int, filter: ResamplingFilter,
    scale: SampleScale.Kind
  ) {
    self.input = input
    output = ImageSize(width: horizontal.count, height: vertical.count)
    self.channels = channels
    let vertical = AxisWeights(
      inputCount: input.height, origin: vertical.origin, length: vertical.length, outputCount: vertical.count,
      filter: filter)
    let horizontal = AxisWeights(
      inputCount: input.width, origin: horizontal.origin, length: horizontal.length, outputCount: horizontal.count,
      filter: filter)
    self.vertical = vertical
    self.horizontal = horizontal
    if let narrow = Self.narrowPrecision(vertical: vertical, horizontal: horizontal, scale: scale) {
      (precision, quantized, errorBound) = narrow
    } else {
      precision = .wide
      quantized = (vertical.quantized(bits: Self.wideWeightBits), horizontal.quantized(bits: Self.wideWeightBits))
      // The bounds of 16-bit samples, in 8-bit levels.
      let bounds = ErrorBounds(
        rows: vertical.reaches(of: quantized.vertical), columns: horizontal.reaches(of: quantized.horizontal),
        input: 0, intermediate: 0.5 / Double(1 << Self.wideFraction))
      errorBound = bounds.largest
    }
  }

  /// True when the output is a part of the input as it is.
  var isCrop: Bool { vertical.isCrop && horizontal.isCrop }

  /// The fastest narrow passes that keep to ``acceptedNoise`` and ``acceptedError``, or nil where 16-bit weights are too
  /// coarse (Lanczos3: below about 1:300) or samples have 16 bits.
  ///
  /// Light is held to the same noise before it is encoded: where sRGB's curve is steeper than 1 the result is dark, and so
  /// are nearly all samples it is made of, whose errors are as small as they are.
  private static func narrowPrecision(
    vertical: AxisWeights, horizontal: AxisWeights, scale: SampleScale.Kind
  ) -> (Precision, (vertical: QuantizedWeights, horizontal: QuantizedWeights), Double)? {
    let (rowGain, columnGain) = (vertical.largestGain, horizontal.largestGain)
    // The intermediate holds (value − 128) within ±256.
    guard scale != .words, rowGain < 1.9, columnGain < 1.9 else { return nil }
    // 32-bit sums of bytes have room for every weight, those of 16-bit samples for what overshoot leaves.
    let (rowBits, columnBits) = (bits(for: vertical), bits(for: horizontal))
    let rowRoom = scale == .bytes ? rowBits : min(rowBits, 16)
    let columnRoom = min(columnBits, rowGain * columnGain < 1.99 ? 16 : 15)
    let largest = scale == .light ? 1 / steepestEncoding : acceptedError
    // Bits that do not fit into sums are cut off the products of each pair. This costs time, least in the horizontal pass.
    for (rowWeights, columnWeights) in [(rowRoom, columnRoom), (rowRoom, columnBits), (rowBits, columnBits)] {
      let weights = (
        vertical: vertical.quantized(bits: rowWeights), horizontal: horizontal.quantized(bits: columnWeights)
      )
      guard weights.vertical.fit16Bits, weights.horizontal.fit16Bits else { continue }
      let rows = WeightBits(weights: rowWeights, pairShift: Int32(rowWeights - rowRoom))
      let columns = WeightBits(weights: columnWeights, pairShift: Int32(columnWeights - columnRoom))
      let bounds = ErrorBounds(
        rows: vertical.reaches(of: weights.vertical), columns: horizontal.reaches(of: weights.horizontal),
        input: scale == .products ? premultiplicationError : 0,
        intermediate: 0.5 / Double(1 << wordFraction) + cutOff(rows, of: vertical) + cutOff(columns, of: horizontal))
      if bounds.meanSquare <= acceptedNoise, bounds.largest < largest {
        return (.narrow(vertical: rows, horizontal: columns), weights, bounds.largest)
      }
    }
    return nil
  }

  /// The most that a sum loses of its pairs' products, in 8-bit levels.
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
