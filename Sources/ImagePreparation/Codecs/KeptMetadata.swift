/// Puts EXIF metadata into a file that was just encoded.
enum KeptMetadata {
  /// The longest TIFF structure that a JPEG segment holds beside its length and `Exif` prefix.
  static let longestInJPEG = 65_533 - 6

  /// Puts a TIFF structure behind the JFIF segment of a JPEG (CIPA DC-008, 4.7.2) or the header of a PNG (third edition,
  /// 11.3.4.6).
  ///
  /// - Parameter file: As this package's encoders write it.
  static func insert(_ exif: [UInt8], into file: inout [UInt8], format: ImageDescription.Format) {
    switch format {
    case .jpeg:
      let length = exif.count + 8
      let segment = [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 0xFF)] + Array("Exif\0\0".utf8) + exif
      let behindJFIF = 4 + Int(file[4]) << 8 + Int(file[5])
      file.insert(contentsOf: segment, at: behindJFIF)
    case .png:
      let content = Array("eXIf".utf8) + exif
      let chunk = bigEndian(UInt32(exif.count)) + content + bigEndian(checksum(content))
      file.insert(contentsOf: chunk, at: 8 + 25)
    }
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  /// CRC-32 as PNG has it (third edition, annex D).
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ crc >> 1 : crc >> 1 }
    }
    return ~crc
  }
}
