internal import Ground

/// The sRGB transfer function (IEC 61966-2-1:1999, section 5.2).
enum TransferFunction {
  /// The linear light, 0 to 1, of an encoded value, 0 to 1.
  static func linear(_ encoded: Double) -> Double {
    encoded <= 0.04045 ? encoded / 12.92 : pow((encoded + 0.055) / 1.055, 2.4)
  }

  /// The encoded value, 0 to 1, of linear light, 0 to 1.
  static func encoded(_ linear: Double) -> Double {
    linear <= 0.0031308 ? linear * 12.92 : 1.055 * pow(linear, 1 / 2.4) - 0.055
  }

  /// The light of each of `levels` encoded levels, in 65 535ths.
  static func linearWords(levels: Int) -> [UInt16] {
    (0..<levels).map { UInt16((linear(Double($0) / Double(levels - 1)) * 65_535).rounded()) }
  }

  /// The encoded level, 0 to `maximum`, of each of 65 536 amounts of light.
  static func encodedLevels(maximum: Int) -> [UInt16] {
    (0...65_535).map { UInt16((encoded(Double($0) / 65_535) * Double(maximum)).rounded()) }
  }
}
