/// Recognizes the format of a file by its first bytes; names are never trusted.
enum ImageSniffer {
  /// The number of bytes that every decision needs at most.
  static let byteCount = 512

  /// The format of an image that can be decoded.
  ///
  /// - Parameter head: The first ``byteCount`` bytes, fewer if the file is shorter.
  /// - Returns: JPEG or PNG.
  /// - Throws: `unsupportedFormat` with the name of another format, `corrupt` for a PNG that was changed by a text transfer, or
  ///   `notAnImage`; all of stage `open`.
  static func format(of head: [UInt8]) throws(PreparationError) -> ImageDescription.Format {
    if head.starts(with: [0xFF, 0xD8, 0xFF]) || head == [0xFF, 0xD8] { return .jpeg }
    if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      guard ascii(head, at: 12, is: "CgBI") else { return .png }
      throw PreparationError(
        .unsupportedFeature, stage: .open, "it is a PNG in Apple's CgBI variant",
        remedy: "restore it first: pngcrush -revert-iphone-optimizations FILE out.png")
    }
    if ascii(head, at: 1, is: "PNG") {
      throw PreparationError(
        .corrupt, stage: .open, "its PNG signature is damaged, as by a transfer in text mode",
        remedy: "copy it again in binary mode")
    }
    if let (kind, converter) = otherKind(head) {
      throw PreparationError(
        .unsupportedFormat, stage: .open, "it is \(kind), which is not supported",
        remedy: "convert it first, for example: \(converter)")
    }
    let what = isText(head) ? "it is text, not an image" : "its bytes are neither JPEG nor PNG"
    throw PreparationError(.notAnImage, stage: .open, what, remedy: "give a JPEG or PNG file")
  }

  /// The name of a known format that is not supported, with a command that converts it.
  private static func otherKind(_ head: [UInt8]) -> (kind: String, converter: String)? {
    if ascii(head, at: 0, is: "RIFF"), ascii(head, at: 8, is: "WEBP") { return ("WebP", "dwebp FILE -o out.png") }
    if ascii(head, at: 4, is: "ftyp") { return isobmff(head) }
    for (magic, kind, converter) in magics where head.starts(with: magic) { return (kind, converter) }
    let start = String(decoding: head, as: UTF8.self)
    if start.contains("<svg") { return ("SVG", "rsvg-convert FILE -o out.png") }
    return isTGA(head) ? ("TGA", magick) : nil
  }

  private static let magick = "magick FILE out.png"

  private static let magics: [(magic: [UInt8], kind: String, converter: String)] = [
    (Array("GIF8".utf8), "GIF", "magick FILE[0] out.png"),
    (Array("BM".utf8), "BMP", magick),
    ([0x49, 0x49, 0x2A, 0x00], "TIFF", magick),
    ([0x4D, 0x4D, 0x00, 0x2A], "TIFF", magick),
    ([0x49, 0x49, 0x2B, 0x00], "BigTIFF", magick),
    ([0x4D, 0x4D, 0x00, 0x2B], "BigTIFF", magick),
    (Array("8BPS".utf8), "PSD", "magick FILE[0] out.png"),
    ([0xFF, 0x0A], "JPEG XL", "djxl FILE out.png"),
    ([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "JPEG XL", "djxl FILE out.png"),
    ([0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], "JPEG 2000", "opj_decompress -i FILE -o out.png"),
    ([0xFF, 0x4F, 0xFF, 0x51], "JPEG 2000", "opj_decompress -i FILE -o out.png"),
    ([0x76, 0x2F, 0x31, 0x01], "OpenEXR", magick),
    (Array("#?RADIANCE".utf8), "Radiance HDR", magick),
    (Array("DDS ".utf8), "DDS", magick),
    ([0x00, 0x00, 0x01, 0x00], "ICO", magick),
    ([0x8A, 0x4D, 0x4E, 0x47], "MNG", magick),
    ([0x8B, 0x4A, 0x4E, 0x47], "JNG", magick),
    (Array("%PDF".utf8), "PDF", "pdftoppm -png FILE out"),
  ]

  /// The formats of ISO base media files, which the major brand identifies (ISO/IEC 23008-12, AV1 image file format).
  private static func isobmff(_ head: [UInt8]) -> (kind: String, converter: String)? {
    switch String(decoding: head.dropFirst(8).prefix(4), as: UTF8.self) {
    case "avif", "avis": ("AVIF", "avifdec FILE out.png")
    case "heic", "heix", "hevc", "hevx", "heim", "heis": ("HEIC", "heif-convert FILE out.png")
    case "mif1", "msf1": ("HEIF", "heif-convert FILE out.png")
    case "jxl ": ("JPEG XL", "djxl FILE out.png")
    case "crx ": ("Canon CR3 raw", "dcraw_emu -T FILE")
    default: ("a video", "ffmpeg -i FILE -frames:v 1 out.png")
    }
  }

  /// TGA has no magic bytes: every field of its header must make sense (Truevision TGA 2.0).
  private static func isTGA(_ head: [UInt8]) -> Bool {
    guard head.count >= 18, head[1] <= 1, [1, 2, 3, 9, 10, 11].contains(head[2]) else { return false }
    let indexed = head[2] & 7 == 1
    guard indexed == (head[1] == 1), indexed || head[3..<8].allSatisfy({ $0 == 0 }) else { return false }
    let sides = [Int(head[12]) | Int(head[13]) << 8, Int(head[14]) | Int(head[15]) << 8]
    return !sides.contains(0) && [8, 15, 16, 24, 32].contains(head[16]) && head[17] & 0xC0 == 0
  }

  /// UTF-8 (possibly cut inside a character), or UTF-16 with a byte order mark.
  private static func isText(_ head: [UInt8]) -> Bool {
    if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) { return true }
    let controls = head.contains { $0 < 0x20 && !(0x08...0x0D).contains($0) && $0 != 0x1B || $0 == 0x7F }
    return !controls && (0...3).contains { String(validating: head.dropLast($0), as: UTF8.self)?.isEmpty == false }
  }

  private static func ascii(_ head: [UInt8], at offset: Int, is text: String) -> Bool {
    head.dropFirst(offset).starts(with: text.utf8)
  }
}
