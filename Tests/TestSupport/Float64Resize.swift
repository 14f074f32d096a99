import Foundation
public import ImagePreparation

/// A resize in double precision, which defines the correct result. It is written from the formulas and shares no code with the package.
///
/// `ResamplingFixtureTests` compares its values with those of numpy and Pillow.
public enum Float64Resize {
  /// Resizes straight samples without alpha. The range of the samples does not matter, because values are neither clamped nor rounded.
  ///
  /// - Returns: `output.pixelCount * channels` interleaved samples.
  @_specialize(where Sample == UInt8)
  @_specialize(where Sample == UInt16)
  @_specialize(where Sample == Int)
  public static func resize<Sample: BinaryInteger>(
    _ samples: [Sample], size: ImageSize, channels: Int, to output: ImageSize, filter: ResamplingFilter
  ) -> [Double] {
    let vertical = matrix(from: size.height, to: output.height, filter)
    let horizontal = matrix(from: size.width, to: output.width, filter)
    let rowSamples = size.width * channels
    var result = [Double](repeating: 0, count: output.pixelCount * channels)
    var sums = [Double](repeating: 0, count: rowSamples)
    for y in 0..<output.height {
      for x in 0..<rowSamples { sums[x] = 0 }
      for (row, weight) in vertical[y] {
        let base = row * rowSamples
        for x in 0..<rowSamples { sums[x] += weight * Double(Int(samples[base + x])) }
      }
      for x in 0..<output.width {
        for c in 0..<channels {
          var sum = 0.0
          for (column, weight) in horizontal[x] { sum += weight * sums[column * channels + c] }
          result[(y * output.width + x) * channels + c] = sum
        }
      }
    }
    return result
  }

  /// For each output sample, the input samples that it is computed from, and their weights.
  private static func matrix(from count: Int, to outputCount: Int, _ filter: ResamplingFilter) -> [[(Int, Double)]] {
    let scale = Double(count) / Double(outputCount)
    let width = max(scale, 1)
    return (0..<outputCount).map { i in
      let center = (Double(i) + 0.5) * scale
      let near = min(Int(center), count - 1)
      if filter == .nearest { return [(near, 1)] }
      let reach = Int(4 * width) + 1
      let window = (max(near - reach, 0)...min(near + reach, count - 1)).compactMap { x -> (Int, Double)? in
        let weight = weight(filter, (Double(x) + 0.5 - center) / width)
        return weight == 0 ? nil : (x, weight)
      }
      let sum = window.reduce(0) { $0 + $1.1 }
      return window.isEmpty ? [(near, 1)] : window.map { ($0.0, $0.1 / sum) }
    }
  }

  private static func weight(_ filter: ResamplingFilter, _ x: Double) -> Double {
    let d = abs(x)
    switch filter {
    case .nearest, .box: return x > -0.499_999_999 && x <= 0.500_000_001 ? 1 : 0
    case .triangle: return d < 1 ? 1 - d : 0
    case .catmullRom:
      // Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, with a = −1/2.
      if d < 1 { return 1.5 * d * d * d - 2.5 * d * d + 1 }
      return d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 : 0
    case .mitchell:
      if d < 1 { return (7 * d * d * d - 12 * d * d + 16.0 / 3) / 6 }
      return d < 2 ? (-7.0 / 3 * d * d * d + 12 * d * d - 20 * d + 32.0 / 3) / 6 : 0
    case .lanczos2: return lanczos(d, 2)
    case .lanczos3: return lanczos(d, 3)
    }
  }

  private static func lanczos(_ d: Double, _ a: Double) -> Double {
    if d == 0 { return 1 }
    return d < a ? a * sin(.pi * d) * sin(.pi * d / a) / (.pi * .pi * d * d) : 0
  }
}
