/// A color space that is described without a profile: primaries and a transfer function.
struct DescribedColorSpace: Sendable, Equatable {
  /// A transfer function, from encoded values to linear light.
  enum Transfer: Sendable, Equatable {
    /// IEC 61966-2-1.
    case srgb
    /// The inverse of the camera's curve of BT.709, BT.601 and BT.2020.
    case bt709
    /// A power function with this exponent.
    case power(Double)

    /// The type and parameters of lcms2's parametric curve: 4 is (aX + b)^γ from d on and cX below, 1 is X^γ.
    var parametric: (type: Int32, parameters: [Double]) {
      switch self {
      case .srgb: (4, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
      case .bt709: (4, [1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081])
      case .power(let exponent): (1, [exponent])
      }
    }
  }

  /// White point and primaries; by default those of BT.709, which are sRGB's.
  var chromaticities = Self.bt709
  var transfer: Transfer

  /// ITU-R BT.709-6, 1.4 and 1.5.
  static let bt709 = chromaticities(red: (0.640, 0.330), green: (0.300, 0.600), blue: (0.150, 0.060))
  /// SMPTE EG 432-1 with a white of D65 (Display P3).
  static let displayP3 = chromaticities(red: (0.680, 0.320), green: (0.265, 0.690), blue: (0.150, 0.060))
  /// ITU-R BT.2020-2, table 3.
  static let bt2020 = chromaticities(red: (0.708, 0.292), green: (0.170, 0.797), blue: (0.131, 0.046))

  /// Adobe RGB (1998) Color Image Encoding, 2005-05, 4.3: the exponent is 2 + 51/256.
  static let adobeRGB = DescribedColorSpace(
    chromaticities: chromaticities(red: (0.640, 0.330), green: (0.210, 0.710), blue: (0.150, 0.060)),
    transfer: .power(563.0 / 256))

  /// Primaries with a white of D65.
  private static func chromaticities(
    red: (Double, Double), green: (Double, Double), blue: (Double, Double)
  ) -> PNGColor.Chromaticities {
    PNGColor.Chromaticities(
      white: .init(0.3127, 0.3290), red: .init(red.0, red.1), green: .init(green.0, green.1),
      blue: .init(blue.0, blue.1))
  }
}

extension DescribedColorSpace {
  /// The space as an ICC profile; nil for sRGB.
  func profile(channels: RowLayout.Channels) -> [UInt8]? {
    guard self != DescribedColorSpace(transfer: .srgb), let context = ColorContext() else { return nil }
    return ColorProfile(self, channels: channels, context)?.bytes
  }

  /// Makes the space of a cICP chunk (ITU-T H.273, tables 2 and 3); nil for code points that are not supported.
  init?(_ points: PNGColor.CodePoints) {
    guard points.matrix == 0, points.isFullRange else { return nil }
    switch points.transfer {
    case 1, 6, 14, 15: transfer = .bt709
    case 4: transfer = .power(2.2)
    case 5: transfer = .power(2.8)
    case 8: transfer = .power(1)
    case 13: transfer = .srgb
    default: return nil
    }
    switch points.primaries {
    case 1: break
    case 9: chromaticities = Self.bt2020
    case 12: chromaticities = Self.displayP3
    default: return nil
    }
  }

  /// True for Adobe RGB within the tolerances of ``init(gamma:chromaticities:)``. Files round the exponent of Adobe RGB to 2.2, or leave it
  /// out.
  func isAboutAdobeRGB(hasGamma: Bool) -> Bool {
    guard chromaticities.isClose(to: Self.adobeRGB.chromaticities) else { return false }
    guard hasGamma else { return true }
    if case .power(let exponent) = transfer { return abs(exponent / 2.2 - 1) <= 0.05 }
    return false
  }

  /// Makes the space of gAMA and cHRM, or of the same values from elsewhere. If one of them is missing, that of sRGB replaces it. Nil if
  /// both are missing, or if one is not plausible.
  init?(gamma: Double?, chromaticities: PNGColor.Chromaticities?) {
    guard gamma != nil || chromaticities != nil else { return nil }
    transfer = .srgb
    if let gamma {
      guard (0.1...10).contains(gamma) else { return nil }
      transfer = .power(1 / gamma)
    }
    if let chromaticities {
      guard chromaticities.isPlausible else { return nil }
      self.chromaticities = chromaticities
    }
    // A gamma of 1/2.2 means sRGB in files. The tolerances are libpng's (PNG_GAMMA_THRESHOLD 5 %, cHRM 0.01).
    if let gamma, abs(gamma * 2.2 - 1) <= 0.05, self.chromaticities.isClose(to: Self.bt709) {
      transfer = .srgb
      self.chromaticities = Self.bt709
    }
  }
}

extension PNGColor.Chromaticities {
  private var points: [PNGColor.Chromaticity] { [white, red, green, blue] }

  fileprivate func isClose(to other: PNGColor.Chromaticities) -> Bool {
    zip(points, other.points).allSatisfy { abs($0.x - $1.x) <= 0.01 && abs($0.y - $1.y) <= 0.01 }
  }

  /// True for a white point and primaries that span a triangle around it.
  fileprivate var isPlausible: Bool {
    guard points.allSatisfy({ $0.y > 0.001 && $0.x >= -0.2 && $0.x + $0.y <= 1.2 }) else { return false }
    func side(_ a: PNGColor.Chromaticity, _ b: PNGColor.Chromaticity) -> Double {
      (b.x - a.x) * (white.y - a.y) - (b.y - a.y) * (white.x - a.x)
    }
    let sides = [side(red, green), side(green, blue), side(blue, red)]
    return sides.allSatisfy { $0 > 1e-4 } || sides.allSatisfy { $0 < -1e-4 }
  }
}
