/// How one image is resampled: windows, weights and their precision, decided before a pixel is touched.
struct ResamplingPlan: Sendable {
  /// How fine weights and intermediate are.
  enum Precision: Sendable, Equatable {
    /// 16-bit weights, 16-bit intermediate, 32-bit sums (8-bit samples, their products with alpha, or their light).
    ///
    /// - `vertical`, `horizontal`: fraction bits of the weights; `fraction`: of the intermediate.
    case narrow(vertical: Int, fraction: Int, horizontal: Int)
    /// 32-bit weights with 26 fraction bits, 32-bit intermediate with 13, 64-bit sums.
    case wide
  }

  /// Fraction bits of wide weights: Σ|weights| < 2 must fit Int32.
  static let wideWeightBits = 26
  /// Fraction bits of the wide intermediate: 16-bit samples with overshoot below 2 must fit Int32.
  static let wideFraction = 13
  /// Fraction bits of premultiplied samples and of light in narrow passes: centered, they and their overshoot fill 16 bits.
  static let wordFraction = 7
  /// Levels that sRGB's transfer function makes of one level of light near black (IEC 61966-2-1:1999).
  static let steepestEncoding = 12.92
  /// The largest share of samples that may round differently from float64 on the worst input, by the estimate below.
  static let acceptedMismatch = 0.0045

  /// Multiplications of the vertical pass below which narrow passes save nothing that anyone would notice (about 4 ms),
  /// while few samples with equal fractions could all round the other way.
  static let leastNarrowWork = 1 << 22

  /// Samples a pixel.
  let channels: Int
  /// Input size in stored pixels.
  let input: ImageSize
  /// Output size in stored pixels (orientation not applied).
  let output: ImageSize
  /// Windows of the output's rows.
  let vertical: AxisWeights
  /// Windows of the output's columns.
  let horizontal: AxisWeights
  /// How fine weights and intermediate are.
  let precision: Precision
  /// The windows of the output's rows and columns as integers.
  let quantized: (vertical: QuantizedWeights, horizontal: QuantizedWeights)
  /// How far any output sample can lie from float64, in 8-bit levels, before it is rounded.
  let errorBound: Double

  /// Makes a plan.
  ///
  /// - Parameters:
  ///   - horizontal: How the output's columns lie on the input, in input samples.
  ///   - vertical: How its rows do.
  ///   - scale: The samples' scale; words are never narrow.
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
    let multiplications = vertical.weights.count * input.width * channels
    let isNarrow = scale != .words && multiplications >= Self.leastNarrowWork
    if let narrow = isNarrow ? Self.narrowPrecision(vertical: vertical, horizontal: horizontal, scale: scale) : nil {
      (precision, quantized, errorBound) = narrow
    } else {
      precision = .wide
      quantized = (vertical.quantized(bits: Self.wideWeightBits), horizontal.quantized(bits: Self.wideWeightBits))
      let weightError = 0.5 / Double(1 << Self.wideWeightBits)
      let taps = Double(vertical.longestWindow + horizontal.longestWindow)
      // 16-bit samples, told in 8-bit levels.
      errorBound = taps * weightError * 255 * horizontal.largestGain + 1 / Double(1 << Self.wideFraction)
    }
  }

  /// True when the output is a part of the input as it is.
  var isCrop: Bool { vertical.isCrop && horizontal.isCrop }

  /// The best split of bits between intermediate and weights, or nil where 16-bit weights are too coarse.
  ///
  /// A sample rounds differently from float64 with the probability E|error|. Two kinds of input are hardest. Samples that
  /// are 0 or 255 at random, 127.5 from their mean, suffer from rounded weights, once in each pass, and little from the
  /// rounded intermediate, whose errors are independent there. Flat areas suffer nothing from weights, whose sums are
  /// exact, but fully from the intermediate: uniform errors of 2^−fraction, a quarter of that on average.
  ///
  /// - Parameter isFinest: True for light with vertical weights finer than its sums have room for.
  private static func narrowPrecision(
    vertical: AxisWeights, horizontal: AxisWeights, scale: SampleScale.Kind, isFinest: Bool = false
  ) -> (Precision, (vertical: QuantizedWeights, horizontal: QuantizedWeights), Double)? {
    let gain = vertical.largestGain * horizontal.largestGain
    // The intermediate holds (value − 128) within ±256, and 32-bit sums of it with 23 fraction bits.
    guard vertical.largestGain < 1.9, gain < 1.99 else { return nil }
    // 32-bit sums of samples within ±2^(7 + sampleFraction).
    let isLight = scale == .light
    let sampleFraction = scale == .bytes ? 0 : wordFraction
    let verticalBits = min(bits(for: vertical), isFinest ? .max : 23 - sampleFraction)
    let verticalWeights = vertical.quantized(bits: verticalBits)
    guard verticalWeights.fit16Bits else { return nil }
    let verticalErrors = vertical.errors(of: verticalWeights)
    let horizontalNorm = horizontal.largestSum { horizontal.weights[$0] * horizontal.weights[$0] }.squareRoot()
    let largestBound = isLight ? 1 / steepestEncoding : 0.5
    var best: (mismatch: Double, precision: Precision, weights: QuantizedWeights, bound: Double)?
    // Up to 16 bits the weights take none from the intermediate.
    let mostBits = bits(for: horizontal)
    for horizontalBits in min(16, mostBits)...mostBits {
      let fraction = isLight ? wordFraction : min(7, 23 - horizontalBits)
      guard fraction > 0, fraction < verticalBits + sampleFraction else { continue }
      let weights = horizontal.quantized(bits: horizontalBits)
      guard weights.fit16Bits else { continue }
      let errors = horizontal.errors(of: weights)
      let rounding = 1 / Double(1 << fraction)
      let onRandom = hypot(
        127.5 * verticalErrors.mean, 127.5 * errors.mean, 0.8 * rounding / 12.0.squareRoot() * horizontalNorm)
      let mismatch = max(onRandom, rounding / 4)
      let bound =
        127.5 * (verticalErrors.largest * horizontal.largestGain + errors.largest * vertical.largestGain)
        + rounding / 2 * horizontal.largestGain
      if mismatch < best?.mismatch ?? acceptedMismatch, bound < largestBound {
        best = (
          mismatch, .narrow(vertical: verticalBits, fraction: fraction, horizontal: horizontalBits), weights, bound
        )
      }
    }
    // Light may have finer weights, whose products are cut off pair by pair, which takes time in the vertical pass and
    // hardly any in the horizontal one.
    if best == nil, isLight, !isFinest {
      return narrowPrecision(vertical: vertical, horizontal: horizontal, scale: scale, isFinest: true)
    }
    return best.map { ($0.precision, (verticalWeights, $0.weights), $0.bound) }
  }

  private static func hypot(_ a: Double, _ b: Double, _ c: Double) -> Double { (a * a + b * b + c * c).squareRoot() }

  /// The most fraction bits, 14 to 22, with which the largest weight still fits 16 bits.
  private static func bits(for axis: AxisWeights) -> Int {
    let largest = axis.largestMagnitude
    var bits = 14
    while bits < 22, largest * Double(1 << (bits + 1)) < 32_766 { bits += 1 }
    return bits
  }
}
