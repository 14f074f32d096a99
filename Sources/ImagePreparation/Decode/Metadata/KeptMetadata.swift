/// The metadata that a result carries when it was asked for: upright, and in the form of the result's format.
struct KeptMetadata: Sendable, Equatable {
  /// A TIFF structure.
  let exif: [UInt8]?
  /// An XMP packet.
  let xmp: [UInt8]?
  /// A comment: of a JPEG its first one, of a PNG the text of that keyword.
  let comment: [UInt8]?
  /// A PNG's chunks of text, the comment among them; empty for a JPEG.
  let chunks: [TextChunk]

  /// The longest content of a JPEG's segment.
  private static let longestSegment = 65_533
  private static let exifTag = Array("Exif\0\0".utf8)
  private static let xmpTag = Array("http://ns.adobe.com/xap/1.0/\0".utf8)

  /// What can be kept of a source's metadata.
  init(of source: ImageDescription) {
    exif = source.exif.flatMap(EXIFReader.upright)
    let texts = source.textChunks
    let packet = source.xmp ?? texts.first { $0.keyword == TextChunk.xmpKeyword }?.text
    xmp = packet.map(Self.upright)
    chunks = texts.filter { $0.keyword != TextChunk.xmpKeyword }
    comment = source.comment ?? chunks.lazy.filter { $0.keyword == TextChunk.commentKeyword }.compactMap(\.text).first
  }

  /// What the user should know when the metadata goes into a file of `format`.
  func notes(source: ImageDescription, format: ImageDescription.Format) -> [String] {
    let keepsText =
      switch (source.format, format) {
      case (.png, .png): !chunks.isEmpty
      case (.png, .jpeg): comment != nil && chunks.count == 1
      case (.jpeg, _): comment != nil
      }
    let lost = [
      ("EXIF", source.hasEXIF && exif == nil), ("XMP", source.hasXMP && xmp == nil),
      (format == .jpeg && comment != nil ? "text other than the comment" : "text", source.hasText && !keepsText),
    ].filter(\.1).map(\.0)
    return (source.hasGPS && exif != nil ? ["kept GPS"] : [])
      + (lost.isEmpty ? [] : ["\(lost.joined(separator: " and ")) cannot be kept and was left out"])
  }

  /// Puts the metadata behind the JFIF segment of a JPEG (CIPA DC-008, 4.7.2; XMP part 3, 1.1.3) or behind the header of a
  /// PNG (third edition, 11.3.3 and 11.3.4.6; XMP part 3, 1.1.5).
  ///
  /// - Parameter file: As this package's encoders write it.
  /// - Throws: `unsupportedFeature` of stage `encode` where a JPEG has no room for it.
  func insert(into file: inout [UInt8], format: ImageDescription.Format) throws(PreparationError) {
    switch format {
    case .jpeg:
      var segments: [UInt8] = []
      if let exif { segments += try Self.segment(0xE1, Self.exifTag + exif, "EXIF") }
      if let xmp { segments += try Self.segment(0xE1, Self.xmpTag + xmp, "XMP") }
      if let comment { segments += try Self.segment(0xFE, comment, "text") }
      let behindJFIF = 4 + Int(file[4]) << 8 + Int(file[5])
      file.insert(contentsOf: segments, at: behindJFIF)
    case .png:
      var written: [UInt8] = []
      if let exif { written += TextChunk(type: Array("eXIf".utf8), data: exif).bytes }
      if let xmp { written += TextChunk(keyword: TextChunk.xmpKeyword, text: xmp).bytes }
      if chunks.isEmpty, let comment {
        // A zero would end the text, and cameras write some behind it.
        let text = Array(comment.prefix { $0 != 0 })
        written += TextChunk(keyword: TextChunk.commentKeyword, text: text).bytes
      }
      for chunk in chunks { written += chunk.bytes }
      file.insert(contentsOf: written, at: 8 + 25)
    }
  }

  private static func segment(_ marker: UInt8, _ content: [UInt8], _ name: String) throws(PreparationError) -> [UInt8] {
    guard content.count <= longestSegment else {
      throw PreparationError(
        .unsupportedFeature, stage: .encode, "its \(name) metadata of \(content.count) bytes does not fit in a JPEG",
        remedy: "use --format png, or leave out --metadata keep")
    }
    let length = content.count + 2
    return [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + content
  }

  /// A packet with `tiff:Orientation` 1, whether it is an attribute or an element (XMP part 1, 7.9).
  private static func upright(_ packet: [UInt8]) -> [UInt8] {
    let name = Array("tiff:Orientation".utf8)
    var packet = packet
    var i = 0
    while i + name.count + 2 < packet.count {
      guard packet[i] == name[0], packet[i..<i + name.count].elementsEqual(name) else {
        i += 1
        continue
      }
      i += name.count
      while i < packet.count - 1, " =\"'>\n\r\t".utf8.contains(packet[i]) { i += 1 }
      if (UInt8(ascii: "2")...UInt8(ascii: "8")).contains(packet[i]) { packet[i] = UInt8(ascii: "1") }
    }
    return packet
  }
}

/// A chunk of text of a PNG (third edition, 11.3.3), or one that is written beside them.
struct TextChunk: Sendable, Equatable {
  static let xmpKeyword = Array("XML:com.adobe.xmp".utf8)
  static let commentKeyword = Array("Comment".utf8)

  /// Four letters.
  let type: [UInt8]
  let data: [UInt8]

  init(type: [UInt8], data: [UInt8]) {
    self.type = type
    self.data = data
  }

  /// A text, not compressed: international where it is UTF-8 beyond ASCII, or XMP; else Latin-1.
  init(keyword: [UInt8], text: [UInt8]) {
    let isInternational =
      keyword == Self.xmpKeyword
      || (text.contains { $0 > 127 } && String(validating: text, as: UTF8.self) != nil)
    type = Array((isInternational ? "iTXt" : "tEXt").utf8)
    data = keyword + (isInternational ? [0, 0, 0, 0, 0] : [0]) + text
  }

  /// The chunks that a codec kept: type, length and data of each.
  static func all(in bytes: [UInt8]) -> [TextChunk] {
    var chunks: [TextChunk] = []
    var at = 0
    while at + 8 <= bytes.count {
      let end = at + 8 + bytes[at + 4..<at + 8].reduce(0) { $0 << 8 | Int($1) }
      guard end <= bytes.count else { break }
      chunks.append(TextChunk(type: Array(bytes[at..<at + 4]), data: Array(bytes[at + 8..<end])))
      at = end
    }
    return chunks
  }

  /// What the text is about.
  var keyword: [UInt8] { Array(data.prefix { $0 != 0 }) }

  /// The text, without its language; nil where it is compressed.
  var text: [UInt8]? {
    let rest = data.dropFirst(keyword.count + 1)
    switch String(decoding: type, as: UTF8.self) {
    case "tEXt": return Array(rest)
    case "iTXt":
      // A flag, a method, a language and a translated keyword, each of the last two ended by a zero.
      guard rest.first == 0 else { return nil }
      let behindLanguage = rest.dropFirst(2).drop { $0 != 0 }.dropFirst()
      return Array(behindLanguage.drop { $0 != 0 }.dropFirst())
    default: return nil
    }
  }

  /// The chunk as it stands in a file.
  var bytes: [UInt8] {
    let content = type + data
    return Self.bigEndian(UInt32(data.count)) + content + Self.bigEndian(Self.checksum(content))
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
