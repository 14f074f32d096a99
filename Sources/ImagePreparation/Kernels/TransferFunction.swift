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

  /// The encoded byte of each of 65 536 amounts of light. The index is the amount minus 32 768 as a signed word, whose bits are read
  /// without a sign.
  static func encodedBytes() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    // The curve rises everywhere. So a level begins at the light whose encoded value is half a level below it.
    let starts = (1...255).map { Int((linear((Double($0) - 0.5) / 255) * 65_535).rounded(.up)) } + [65_536]
    for level in 1...255 {
      for light in starts[level - 1]..<starts[level] { bytes[light ^ 32_768] = UInt8(level) }
    }
    return bytes
  }

  /// The encoded word, with a fraction, of each of 65 536 amounts of light. The last one is there twice, so that every entry can be
  /// interpolated with the next.
  static func encodedWords() -> [Float] {
    (0...65_536).map { Float(encoded(Double(min($0, 65_535)) / 65_535) * 65_535) }
  }

  /// The encoded level, 0 to `maximum`, of each of 65 536 amounts of light.
  static func encodedLevels(maximum: Int) -> [UInt16] {
    (0...65_535).map { UInt16((encoded(Double($0) / 65_535) * Double(maximum)).rounded()) }
  }

  /// Replaces color samples by their entry in `table`; alpha stays.
  ///
  /// - Parameters:
  ///   - row: Words, changed in place.
  ///   - pixels: The number of pixels.
  ///   - layout: The channels of a pixel; its bit depth plays no part.
  ///   - table: An entry for each value that the samples have.
  static func mapColors(
    _ row: UnsafeMutablePointer<UInt16>, pixels: Int, layout: RowLayout, through table: [UInt16]
  ) {
    let channels = layout.channelCount
    let colors = layout.channels.hasAlpha ? channels - 1 : channels
    unsafe table.withUnsafeBufferPointer { table in
      for x in 0..<pixels {
        let pixel = unsafe row + x * channels
        for c in 0..<colors { unsafe pixel[c] = table[Int(pixel[c])] }
      }
    }
  }
}
