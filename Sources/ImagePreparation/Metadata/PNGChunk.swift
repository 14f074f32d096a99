internal import CImageCodecs

/// A chunk of metadata of a PNG.
struct PNGChunk: Sendable, Equatable {
  /// The types of chunks that hold metadata. The codec collects those of `CIC_PNG_METADATA_CHUNKS`, which are the same (a test compares
  /// them).
  enum Metadata: String, CaseIterable {
    case tEXt, zTXt, iTXt, eXIf
  }

  /// Four letters.
  let type: String
  let data: [UInt8]

  init(type: String, data: [UInt8]) {
    self.type = type
    self.data = data
  }

  /// Makes an uncompressed text chunk: iTXt for XMP and for UTF-8 beyond ASCII, otherwise tEXt in Latin-1.
  init(keyword: [UInt8], text: [UInt8]) {
    let isInternational =
      keyword == Text.xmpKeyword
      || (text.contains { $0 > 127 } && String(validating: text, as: UTF8.self) != nil)
    type = isInternational ? "iTXt" : "tEXt"
    data = keyword + (isInternational ? [0, 0, 0, 0, 0] : [0]) + text
  }

  /// The chunks that a codec kept: type, length and data of each.
  static func all(in bytes: [UInt8]) -> [PNGChunk] {
    var chunks: [PNGChunk] = []
    var at = 0
    while at + 8 <= bytes.count {
      let end = at + 8 + bytes[at + 4..<at + 8].reduce(0) { $0 << 8 | Int($1) }
      guard end <= bytes.count else { break }
      chunks.append(
        PNGChunk(type: String(decoding: bytes[at..<at + 4], as: UTF8.self), data: Array(bytes[at + 8..<end])))
      at = end
    }
    return chunks
  }

  /// The text of a chunk of text (third edition, 11.3.3); nil for any other chunk.
  var text: Text? {
    let keyword = Array(data.prefix { $0 != 0 })
    let rest = data.dropFirst(keyword.count + 1)
    switch type {
    case "tEXt": return Text(keyword: keyword, content: rest, isCompressed: false)
    case "zTXt": return Text(keyword: keyword, content: rest.dropFirst(), isCompressed: true)
    case "iTXt":
      // Compression flag and method, then a language and a translated keyword that each end with a zero.
      let behindLanguage = rest.dropFirst(2).drop { $0 != 0 }.dropFirst()
      return Text(
        keyword: keyword, content: behindLanguage.drop { $0 != 0 }.dropFirst(), isCompressed: rest.first != 0)
    default: return nil
    }
  }

  /// The content of a chunk of text.
  struct Text {
    static let xmpKeyword = Array("XML:com.adobe.xmp".utf8)
    static let commentKeyword = Array("Comment".utf8)

    /// The keyword, which names the subject of the text.
    let keyword: [UInt8]
    /// The text, compressed or not.
    fileprivate let content: ArraySlice<UInt8>
    fileprivate let isCompressed: Bool

    /// The text; nil if it is compressed.
    var plain: [UInt8]? { isCompressed ? nil : Array(content) }

    /// The text, inflated if it is compressed.
    ///
    /// - Parameter limit: Bytes that it may inflate to.
    /// - Returns: The text up to the limit or to the damage, and false if it is damaged or continues after the limit.
    func whole(limit: Int) -> (bytes: [UInt8], isWhole: Bool) {
      isCompressed ? Inflater.inflated(content, limit: limit) : (Array(content), true)
    }

    /// The most bytes that all compressed texts of a file together may inflate to.
    static let inflatedLimit = 16 * 1024 * 1024
    private static let profilePrefix = Array("Raw profile type ".utf8)

    /// The name of a profile that is stored as text, as ImageMagick and others do; nil for any other text.
    var profileName: String? {
      keyword.starts(with: Self.profilePrefix)
        ? String(decoding: keyword.dropFirst(Self.profilePrefix.count), as: UTF8.self).lowercased() : nil
    }

    /// True for metadata that are written into a result in another form: XMP, EXIF and color profiles.
    var isRewritten: Bool {
      keyword == Self.xmpKeyword || ["exif", "app1", "xmp", "icc", "icm"].contains(profileName)
    }

    /// The TIFF structures and XMP packets that texts hold, each in order of precedence. Damaged ones are left out, and so are all
    /// bytes after the first ``inflatedLimit``.
    static func metadata(in texts: [Text]) -> (exif: [[UInt8]], xmp: [[UInt8]]) {
      let xmpTag = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
      var limit = inflatedLimit
      var (structures, packets, profiles, segments): ([[UInt8]], [[UInt8]], [[UInt8]], [[UInt8]]) = ([], [], [], [])
      for text in texts {
        let name = text.profileName
        guard text.keyword == xmpKeyword || ["exif", "app1", "xmp"].contains(name) else { continue }
        let (bytes, isWhole) = text.whole(limit: limit)
        limit -= min(bytes.count, limit)
        guard isWhole else { continue }
        guard let name else {
          packets.append(bytes)
          continue
        }
        guard let profile = profile(in: bytes), profile.isWhole else { continue }
        if name == "xmp" {
          profiles.append(profile.bytes)
        } else if profile.bytes.starts(with: xmpTag) {
          segments.append(Array(profile.bytes.dropFirst(xmpTag.count)))
        } else {
          structures.append(profile.bytes)
        }
      }
      return (structures, packets + profiles + segments)
    }

    /// Reads a profile that is stored as text: name, length and hexadecimal digits, on lines of their own.
    ///
    /// - Returns: The bytes before the first character that is no digit, and true if there is none; nil for text without these lines.
    static func profile(in text: [UInt8]) -> (bytes: [UInt8], isWhole: Bool)? {
      let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 2)
      guard lines.count == 3 else { return nil }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(lines[2].count / 2)
      var high: UInt8?
      for character in lines[2] where !" \n\r\t\0".utf8.contains(character) {
        guard let digit = Character(Unicode.Scalar(character)).hexDigitValue.map(UInt8.init) else {
          return (bytes, false)
        }
        if let first = high {
          bytes.append(first << 4 | digit)
          high = nil
        } else {
          high = digit
        }
      }
      return (bytes, true)
    }
  }

  /// The bytes of the chunk in a file.
  var bytes: [UInt8] {
    let content = Array(type.utf8) + data
    return Self.bigEndian(UInt32(data.count)) + content + Self.bigEndian(unsafe cic_crc32(0, content, content.count))
  }

  /// The four bytes of a number of a PNG, the highest first.
  static func bigEndian(_ value: UInt32) -> [UInt8] {
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
