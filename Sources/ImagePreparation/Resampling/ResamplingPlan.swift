/// How one image is resampled: windows, weights and their precision, decided before a pixel is touched.
struct ResamplingPlan: Sendable {
  /// How fine weights and intermediate are.
  enum Precision: Sendable, Equatable {
    /// 16-bit weights, 16-bit intermediate, 32-bit sums (8-bit samples only).
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
  /// The largest share of samples that may round differently from float64 on the worst input, by the estimate below.
  static let acceptedMismatch = 0.0045

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
  /// How far any output sample can lie from float64, in 8-bit levels, before it is rounded.
  let errorBound: Double

  /// Makes a plan.
  ///
  /// - Parameters:
  ///   - crop: The part to keep, in stored source pixels.
  ///   - allowNarrow: True for 8-bit samples that need no more than 8 bits between decoder and resize.
  init(
    input: ImageSize, crop: GeometryRecord.SourceRect, output: ImageSize, channels: Int, filter: ResamplingFilter,
    allowNarrow: Bool
  ) {
    self.input = input
    self.output = output
    self.channels = channels
    let vertical = AxisWeights(
      inputCount: input.height, origin: crop.y, length: crop.height, outputCount: output.height, filter: filter)
    let horizontal = AxisWeights(
      inputCount: input.width, origin: crop.x, length: crop.width, outputCount: output.width, filter: filter)
    self.vertical = vertical
    self.horizontal = horizontal
    if allowNarrow, let narrow = Self.narrowPrecision(vertical: vertical, horizontal: horizontal) {
      (precision, errorBound) = narrow
    } else {
      precision = .wide
      let weightError = 0.5 / Double(1 << Self.wideWeightBits)
      let taps = Double(vertical.longestWindow + horizontal.longestWindow)
      // 16-bit samples, told in 8-bit levels.
      errorBound = taps * weightError * 255 * horizontal.largestGain + 1 / Double(1 << Self.wideFraction)
    }
  }

  /// True when the output is the input.
  var isIdentity: Bool { vertical.isIdentity && horizontal.isIdentity }

  /// The best split of bits between intermediate and weights, or nil where 16-bit weights are too coarse.
  ///
  /// The estimate assumes the worst input: samples that are 0 or 255 at random, 127.5 from their mean. Errors of single
  /// weights add up as independent ones there, so an output sample is off by a standard deviation of
  /// 127.5 · ‖weight errors‖, once for each pass, and by the intermediate's rounding (uniform, 2^−fraction/√12) weighed by
  /// the horizontal window. A sample rounds differently with the probability E|error| ≈ 0.8 σ.
  private static func narrowPrecision(
    vertical: AxisWeights, horizontal: AxisWeights
  ) -> (Precision, Double)? {
    let verticalGain = vertical.largestGain
    let horizontalGain = horizontal.largestGain
    // The intermediate holds (value − 128) within ±256: overshoot may reach 128 levels.
    guard verticalGain < 1.9, horizontalGain < 1.6 else { return nil }
    let verticalBits = bits(for: vertical)
    let verticalWeights = vertical.quantized(bits: verticalBits)
    guard verticalWeights.fit16Bits else { return nil }
    let verticalErrors = vertical.errors(of: verticalWeights)
    let horizontalNorm = horizontal.largestNorm
    let mostHorizontalBits = bits(for: horizontal)
    var best: (mismatch: Double, precision: Precision, bound: Double)?
    // Sums of the horizontal pass hold 8 + fraction + weight bits, overshoot and sign; the more weight bits, the fewer stay.
    for horizontalBits in 14...mostHorizontalBits {
      let fraction = min(7, 22 - horizontalBits)
      guard fraction > 0, fraction < verticalBits else { continue }
      let weights = horizontal.quantized(bits: horizontalBits)
      guard weights.fit16Bits else { continue }
      let errors = horizontal.errors(of: weights)
      let rounding = 1 / Double(1 << fraction)
      let variance =
        127.5 * 127.5 * (verticalErrors.norm * verticalErrors.norm + errors.norm * errors.norm)
        + rounding * rounding / 12 * horizontalNorm * horizontalNorm
      let mismatch = 0.8 * variance.squareRoot()
      let bound =
        127.5 * (verticalErrors.gain * horizontalGain + errors.gain * verticalGain) + rounding / 2 * horizontalGain
      if mismatch < best?.mismatch ?? acceptedMismatch, bound < 0.5 {
        best = (
          mismatch, .narrow(vertical: verticalBits, fraction: fraction, horizontal: horizontalBits), bound
        )
      }
    }
    return best.map { ($0.precision, $0.bound) }
  }

  /// The most fraction bits, 14 to 21, with which the largest weight still fits 16 bits.
  private static func bits(for axis: AxisWeights) -> Int {
    let largest = axis.largestMagnitude
    var bits = 14
    while bits < 21, largest * Double(1 << (bits + 1)) < 32_766 { bits += 1 }
    return bits
  }
}
