internal import CImageCodecs

/// A text chunk of a PNG (third edition, 11.3.3), or another chunk that is written beside them.
struct TextChunk: Sendable, Equatable {
  static let xmpKeyword = Array("XML:com.adobe.xmp".utf8)
  static let commentKeyword = Array("Comment".utf8)

  /// The chunk's type, four letters.
  let type: [UInt8]
  let data: [UInt8]

  init(type: [UInt8], data: [UInt8]) {
    self.type = type
    self.data = data
  }

  /// Makes an uncompressed text chunk: iTXt for XMP and for UTF-8 beyond ASCII, otherwise tEXt in Latin-1.
  init(keyword: [UInt8], text: [UInt8]) {
    let isInternational =
      keyword == Self.xmpKeyword
      || (text.contains { $0 > 127 } && String(validating: text, as: UTF8.self) != nil)
    type = Array((isInternational ? "iTXt" : "tEXt").utf8)
    data = keyword + (isInternational ? [0, 0, 0, 0, 0] : [0]) + text
  }

  /// The chunks that a codec kept, each with type, length and data.
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

  /// The chunk's keyword.
  var keyword: [UInt8] { Array(data.prefix { $0 != 0 }) }

  /// The content after the keyword and, in iTXt, the language fields; nil for a chunk without text.
  private var content: (bytes: ArraySlice<UInt8>, isCompressed: Bool)? {
    let rest = data.dropFirst(keyword.count + 1)
    switch String(decoding: type, as: UTF8.self) {
    case "tEXt": return (rest, false)
    case "zTXt": return (rest.dropFirst(), true)
    case "iTXt":
      // Compression flag and method, then a language and a translated keyword that each end with a zero.
      let behindLanguage = rest.dropFirst(2).drop { $0 != 0 }.dropFirst()
      return (behindLanguage.drop { $0 != 0 }.dropFirst(), rest.first != 0)
    default: return nil
    }
  }

  /// The text; nil for a compressed text.
  var text: [UInt8]? { content.flatMap { $0.isCompressed ? nil : Array($0.bytes) } }

  /// The text, inflated if it is compressed; nil for a chunk without text.
  ///
  /// - Parameter limit: The most bytes that the text may inflate to.
  /// - Returns: The text up to the limit or a damage, and false if it is not complete.
  func wholeText(limit: Int) -> (bytes: [UInt8], isWhole: Bool)? {
    content.map { $0.isCompressed ? Inflater.inflated($0.bytes, limit: limit) : (Array($0.bytes), true) }
  }

  /// The bytes of the chunk in a file.
  var bytes: [UInt8] {
    let content = type + data
    return Self.bigEndian(UInt32(data.count)) + content + Self.bigEndian(unsafe cic_crc32(0, content, content.count))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }
}

extension Inflater {
  /// Inflates up to `limit` bytes of a zlib stream (RFC 1950) without checking its checksum.
  ///
  /// - Returns: The inflated bytes, and false if the stream is damaged or continues after the limit.
  fileprivate static func inflated(_ stream: ArraySlice<UInt8>, limit: Int) -> (bytes: [UInt8], isWhole: Bool) {
    // The method must be deflate, without a preset dictionary.
    guard stream.count > 2, stream[stream.startIndex] & 0x0F == 8, stream[stream.startIndex + 1] & 0x20 == 0 else {
      return ([], false)
    }
    var inflater = Inflater(kernels: KernelTable(.baseline))
    var (rest, isEnded) = (stream.dropFirst(2), false)
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while bytes.count <= limit {
      var written = 0
      let step = unsafe piece.withUnsafeMutableBufferPointer {
        unsafe inflater.read(into: $0.baseAddress!, count: $0.count, written: &written)
      }
      bytes += piece.prefix(written)
      switch step {
      case .done: continue
      case .ended: return bytes.count <= limit ? (bytes, true) : (Array(bytes.prefix(limit)), false)
      case .broken: return (Array(bytes.prefix(limit)), false)
      case .needsInput where isEnded: return (Array(bytes.prefix(limit)), false)
      case .needsInput where rest.isEmpty:
        isEnded = true
        inflater.endInput()
      case .needsInput:
        let part = rest.prefix(Inflater.inputBytes)
        _ = unsafe inflater.inputRoom().update(fromContentsOf: part)
        inflater.append(part.count)
        rest = rest.dropFirst(part.count)
      }
    }
    return (Array(bytes.prefix(limit)), false)
  }
}
