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
