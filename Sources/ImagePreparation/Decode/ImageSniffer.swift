/// Recognizes the format of a file by its first bytes; names are never trusted.
package enum ImageSniffer {
  /// The number of bytes that every decision needs at most.
  package static let byteCount = 4096

  /// The media type of an image, by its first ``byteCount`` bytes; nil for a kind that no result of the service has.
  package static func mediaType(of head: [UInt8]) -> String? {
    let known = SourceDecoder.kinds.first { $0.recognizes(head) }?.format.rawValue
    return (known ?? ForeignFormat(of: head)?.mediaSubtype).map { "image/\($0)" }
  }

  /// The kind of a file that can be decoded.
  ///
  /// - Parameter head: The first ``byteCount`` bytes, fewer if the file is shorter.
  /// - Returns: The type of its opened sources.
  /// - Throws: `unsupportedFormat` with the name of another format, `corrupt` for a PNG that was changed by a text transfer, or
  ///   `notAnImage`; all of stage `open`.
  static func kind(of head: [UInt8]) throws(PreparationError) -> any OpenedSource.Type {
    if let kind = SourceDecoder.kinds.first(where: { $0.recognizes(head) }) {
      guard kind.format == .png, ascii(head, at: 12, is: "CgBI") else { return kind }
      throw PreparationError(
        .unsupportedFeature, stage: .open, "it is a PNG in Apple's CgBI variant",
        remedy: "restore it first: pngcrush -revert-iphone-optimizations FILE out.png")
    }
    if ascii(head, at: 1, is: "PNG") {
      throw PreparationError(
        .corrupt, stage: .open, "its PNG signature is damaged, as by a transfer in text mode",
        remedy: "copy it again in binary mode")
    }
    if let foreign = ForeignFormat(of: head) {
      throw PreparationError(
        .unsupportedFormat, stage: .open, "it is \(foreign.kind), which is not supported",
        remedy: "convert it first, for example: \(foreign.converter)")
    }
    if let kind = SourceDecoder.kindsWithoutSignature.first(where: { $0.recognizes(head) }) { return kind }
    let names = ImageDescription.Format.allCases.map(\.name)
    throw PreparationError(
      .notAnImage, stage: .open,
      isText(head) ? "it is text, not an image" : "its bytes are not an image of a known kind",
      remedy: "give a file of one of these kinds: \(names.joined(separator: ", "))")
  }

  /// True for UTF-8 (possibly cut inside a character) and for UTF-16 with a byte order mark, if the only control characters are 0x08 to
  /// 0x0D (such as tabs and line ends) and 0x1B.
  private static func isText(_ head: [UInt8]) -> Bool {
    let text: String?
    if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) {
      let units = stride(from: 2, to: head.count - 1, by: 2).map {
        UInt16(head[$0]) << (head[0] == 0xFF ? 0 : 8) | UInt16(head[$0 + 1]) << (head[0] == 0xFF ? 8 : 0)
      }
      text = (0...1).lazy.compactMap { String(validating: units.dropLast($0), as: UTF16.self) }.first
    } else {
      text = (0...3).lazy.compactMap { String(validating: head.dropLast($0), as: UTF8.self) }.first
    }
    guard let scalars = text?.unicodeScalars, !scalars.isEmpty else { return false }
    return scalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x08...0x0D, 0x1B, 0x20..<0x7F, 0xA0...: !scalar.properties.isNoncharacterCodePoint
      default: false
      }
    }
  }

  private static func ascii(_ head: [UInt8], at offset: Int, is text: String) -> Bool {
    head.dropFirst(offset).starts(with: text.utf8)
  }
}
