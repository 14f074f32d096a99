/// The conversion of samples to the floats that a network takes.
///
/// A sample `v` of channel `c` becomes `(low + (high − low) · v / largest − mean[c]) / std[c]`, where `low...high` is ``range`` and
/// `largest` is 255, or 65 535 for a source of 16 bits per sample; computed in double precision and rounded once to float32.
public struct TensorFormat: Sendable, Equatable, Codable {
  /// The order of the axes: batch, channels, height, width.
  public enum Layout: String, Sendable, CaseIterable, Codable {
    /// Planes: `[1, 3, height, width]`, as PyTorch has it.
    case nchw
    /// Pixels: `[1, height, width, 3]`, as TensorFlow and ComfyUI have it.
    case nhwc
  }

  /// The order of the axes.
  public var layout: Layout
  /// The values of black and white before mean and deviation are applied.
  public var range: ClosedRange<Double>
  /// The value that is subtracted from each channel: one for all channels, or three for red, green, blue.
  public var mean: [Double]
  /// The value that each channel is divided by: one for all channels, or three.
  public var std: [Double]

  /// Makes a format. By default it is planes of 0 to 1.
  public init(
    layout: Layout = .nchw, range: ClosedRange<Double> = 0...1, mean: [Double] = [0], std: [Double] = [1]
  ) {
    self.layout = layout
    self.range = range
    self.mean = mean
    self.std = std
  }

  /// The format of the pipelines of diffusers: planes of −1 to 1 (`VaeImageProcessor.normalize`: `2 · x − 1`).
  public static let diffusers = TensorFormat(range: -1...1)

  /// 3 × `levels` values: the float for each level of each channel.
  ///
  /// - Throws: `invalidRecipe` of stage `color` for a count other than 1 or 3, a deviation of 0, or a value that is not finite.
  func tables(levels: Int = 256) throws(PreparationError) -> [Float] {
    func refuse(_ what: String, _ remedy: Remedy) -> PreparationError {
      PreparationError(.invalidRecipe, stage: .color, what, remedy: remedy)
    }
    func checkCount(of values: [Double], _ name: String) throws(PreparationError) {
      guard values.count == 1 || values.count == 3 else {
        throw refuse("the tensor's \(name) has \(values.count) values", "give one for all channels, or three")
      }
    }
    try checkCount(of: mean, "mean")
    try checkCount(of: std, "std")
    guard (mean + std + [range.lowerBound, range.upperBound]).allSatisfy(\.isFinite) else {
      throw refuse("the tensor's mean, std and range are not all numbers", "give finite numbers")
    }
    guard std.allSatisfy({ $0 != 0 }) else { throw refuse("the tensor's std is 0", "give a deviation other than 0") }
    return (0..<3).flatMap { channel in
      let (mean, std) = (mean[channel % mean.count], std[channel % std.count])
      let largest = Double(levels - 1)
      return (0..<levels).map { value in
        Float((range.lowerBound + (range.upperBound - range.lowerBound) * Double(value) / largest - mean) / std)
      }
    }
  }
}
