internal import Ground

/// A resampling filter: the function that gives the weights of samples, by their distance in source pixels (enlarging) or target pixels
/// (shrinking).
public enum ResamplingFilter: String, Sendable, CaseIterable {
  /// The one source sample under the target sample's center.
  case nearest
  /// The mean over the target pixel's area.
  case box
  /// Linear interpolation, widened when shrinking (also called bilinear).
  case triangle
  /// Cubic with B = 0, C = 1/2 (Mitchell and Netravali, "Reconstruction Filters in Computer Graphics", 1988).
  case catmullRom = "catmull-rom"
  /// Cubic with B = C = 1/3 (the same paper).
  case mitchell
  /// Sinc windowed by the main lobe of a sinc of twice the width.
  case lanczos2
  /// Sinc windowed by the main lobe of a sinc of three times the width.
  case lanczos3

  /// Half the function's width at scale 1; beyond it the function is zero.
  public var support: Double {
    switch self {
    case .nearest, .box: 0.5
    case .triangle: 1
    case .catmullRom, .mitchell, .lanczos2: 2
    case .lanczos3: 3
    }
  }

  /// The function's value at distance `x` from its center. Not normalized.
  public func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .nearest, .box:
      // Half open, so that a sample on the border of two target pixels counts once; the margin excludes effects of rounding.
      return x > -0.5 + 1e-9 && x <= 0.5 + 1e-9 ? 1 : 0
    case .triangle:
      return max(0, 1 - abs(x))
    case .catmullRom:
      return Self.cubic(abs(x), b: 0, c: 0.5)
    case .mitchell:
      return Self.cubic(abs(x), b: 1.0 / 3, c: 1.0 / 3)
    case .lanczos2:
      return abs(x) < 2 ? Self.sinc(x) * Self.sinc(x / 2) : 0
    case .lanczos3:
      guard abs(x) < 3, x != 0 else { return x == 0 ? 1 : 0 }
      // With y = πx / 3: sinc(x) · sinc(x / 3) = sin 3y · sin y / 3y², and sin 3y = 3 sin y − 4 sin³ y.
      let y = .pi * x / 3
      let sine = sin(y)
      let square = sine * sine
      return square * (3 - 4 * square) / (3 * y * y)
    }
  }

  /// Equation 8 of Mitchell and Netravali.
  private static func cubic(_ x: Double, b: Double, c: Double) -> Double {
    if x < 1 {
      return ((12 - 9 * b - 6 * c) * x * x * x + (-18 + 12 * b + 6 * c) * x * x + (6 - 2 * b)) / 6
    }
    if x < 2 {
      return ((-b - 6 * c) * x * x * x + (6 * b + 30 * c) * x * x + (-12 * b - 48 * c) * x + (8 * b + 24 * c)) / 6
    }
    return 0
  }

  private static func sinc(_ x: Double) -> Double {
    x == 0 ? 1 : sin(.pi * x) / (.pi * x)
  }
}
