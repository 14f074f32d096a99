/// The chunks of a WebP: the first frame, color profile and metadata.
struct WebPFile {
  let canvas: ImageSize
  let frame: WebPFrame
  let isAnimated: Bool
  private(set) var profile: [UInt8]?
  private(set) var exif: [UInt8]?
  private(set) var xmp: [UInt8]?
  /// True if the file has them, even if they are left out because they are too large or incomplete.
  private(set) var (hasEXIF, hasXMP) = (false, false)
  /// True if metadata are larger than allowed, or after the end of a file that ends early.
  let isCut: Bool
  /// True if the file ends early, after the first frame.
  let isShort: Bool

  private static let headerBytes = 12
  /// The longest side of the format.
  private static let longestSide = 1 << 24

  init(_ bytes: inout ByteReader, limits: Limits) throws(ReadFault) {
    try bytes.skip(4)
    let declared = try bytes.little(4)
    try bytes.skip(4)
    let end = Self.headerBytes - 4 + declared
    var canvas: ImageSize?
    var place: FrameRect?
    var alphaChunk: [UInt8] = []
    var isAnimated = false
    var found: WebPFrame?
    var (isCut, isShort) = (false, false)
    func content(_ count: Int) throws(ReadFault) -> [UInt8]? {
      let content = try bytes.bytesThere(count)
      // The last padding is often missing.
      if count % 2 == 1 { _ = try bytes.bytesThere(1) }
      if content.count < count { isShort = true }
      return content.count == count ? content : nil
    }

    // Chunks up to the first frame; then only metadata count.
    var scopeEnd: Int?
    chunks: while found == nil || bytes.offset + 8 <= end {
      let name: String
      let count: Int
      do throws(ReadFault) {
        name = String(decoding: try bytes.bytes(4), as: UTF8.self)
        count = try bytes.little(4)
      } catch {
        guard case .truncated = error, found != nil else { throw error }
        isShort = true
        break chunks
      }
      hasEXIF = hasEXIF || name == "EXIF"
      hasXMP = hasXMP || name == "XMP "
      switch name {
      case "VP8X" where found == nil:
        let fields = try bytes.bytes(10)
        isAnimated = fields[0] & 2 != 0
        let size = ImageSize(width: Self.little(fields[4..<7]) + 1, height: Self.little(fields[7..<10]) + 1)
        try limits.allow(size)
        canvas = size
        try bytes.skip(max(0, count - 10) + count % 2)
      case "ANMF" where found == nil:
        let fields = try bytes.bytes(16)
        guard canvas != nil else { throw .corrupt("a frame of an animation before its canvas") }
        isAnimated = true
        place = FrameRect(
          x: Self.little(fields[0..<3]) * 2, y: Self.little(fields[3..<6]) * 2,
          size: ImageSize(width: Self.little(fields[6..<9]) + 1, height: Self.little(fields[9..<12]) + 1))
        // The chunks of the frame are inside this chunk.
        scopeEnd = bytes.offset + max(0, count - 16) + count % 2
      case "ALPH" where found == nil:
        try limits.allow(codedBytes: count, of: .webp)
        alphaChunk = Self.head(of: name, count)
        try bytes.append(count + count % 2, to: &alphaChunk)
        guard alphaChunk.count == 8 + count + count % 2 else { throw .truncated }
      case "VP8 " where found == nil, "VP8L" where found == nil:
        let isLossless = name == "VP8L"
        try limits.allow(codedBytes: alphaChunk.count + count, of: .webp)
        // The bytes of a bitstream should be in memory only once, in the file of its frame (``WebPFrame/stream``). So only the first ones
        // are read here.
        let first = try bytes.bytesThere(min(count, 10))
        let header = try Self.Bitstream(first, isLossless: isLossless)
        var rect = place ?? FrameRect(size: header.size)
        guard place == nil || rect.size == header.size else {
          throw .corrupt("a frame of another size than it declares")
        }
        let wholeCanvas = canvas ?? header.size
        guard rect.x + rect.size.width <= wholeCanvas.width, rect.y + rect.size.height <= wholeCanvas.height,
          place != nil || header.size == wholeCanvas
        else { throw .corrupt("a frame of another size than the canvas") }
        try limits.allow(header.size)
        rect.size = header.size
        canvas = wholeCanvas
        let hasAlpha = header.hasAlpha || !alphaChunk.isEmpty
        var stream = Self.file(rect.size, alpha: isLossless ? [] : alphaChunk, Self.head(of: name, count) + first)
        let whole = stream.count + count - first.count
        try bytes.append(count + count % 2 - first.count, to: &stream)
        found = WebPFrame(
          rect: rect, isLossless: isLossless, hasAlpha: hasAlpha,
          losslessBytes: isLossless ? count : alphaChunk.count, stream: stream)
        alphaChunk = []
        // The file ends here. This is not yet an error: decoding reports the rows that are missing.
        if stream.count < whole {
          isCut = true
          break chunks
        }
        if let scopeEnd, scopeEnd > bytes.offset { try? bytes.skip(scopeEnd - bytes.offset) }
      case "ICCP" where profile == nil:
        try limits.allow(profileBytes: count)
        profile = try content(count)
      case "EXIF" where exif == nil && count <= limits.maxMetadataBytes: exif = try content(count)
      case "XMP " where xmp == nil && count <= limits.maxMetadataBytes: xmp = try content(count)
      default:
        if name == "EXIF" || name == "XMP " { isCut = true }
        do throws(ReadFault) {
          try bytes.skip(count)
          if count % 2 == 1 { _ = try bytes.bytesThere(1) }
        } catch {
          guard case .truncated = error, found != nil else { throw error }
          isShort = true
        }
      }
    }
    guard let frame = found, let canvas else { throw .truncated }
    self.frame = frame
    self.canvas = canvas
    self.isAnimated = isAnimated
    self.isCut = isCut || isShort
    self.isShort = isShort
  }

  /// The header of a chunk of `count` bytes.
  private static func head(of name: String, _ count: Int) -> [UInt8] { Array(name.utf8) + little(count) }

  /// A file of one frame, up to the first bytes of its bitstream.
  private static func file(_ size: ImageSize, alpha: [UInt8], _ data: [UInt8]) -> [UInt8] {
    var content: [UInt8] = Array("WEBP".utf8)
    if !alpha.isEmpty {
      content += Array("VP8X".utf8) + little(10) + [0x10, 0, 0, 0]
      content += little(size.width - 1).prefix(3) + little(size.height - 1).prefix(3) + alpha
    }
    // The length that the chunk declares. The chunk itself may have fewer bytes.
    let declared = little(data[4..<8])
    return Array("RIFF".utf8) + little(content.count + 8 + declared + declared % 2) + content + data
  }

  private static func little(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

  private static func little(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }

  /// The beginning of a bitstream (RFC 6386, 9.1; RFC 9649, 3.4).
  struct Bitstream {
    let size: ImageSize
    let hasAlpha: Bool

    init(_ head: [UInt8], isLossless: Bool) throws(ReadFault) {
      guard head.count >= (isLossless ? 5 : 10) else { throw .truncated }
      if isLossless {
        guard head[0] == 0x2F else { throw .corrupt("no signature of a lossless bitstream") }
        let bits = Int(head[1]) | Int(head[2]) << 8 | Int(head[3]) << 16 | Int(head[4]) << 24
        size = ImageSize(width: bits & 0x3FFF + 1, height: bits >> 14 & 0x3FFF + 1)
        hasAlpha = bits >> 28 & 1 == 1
      } else {
        guard head[0] & 1 == 0, head[3...5].elementsEqual([0x9D, 0x01, 0x2A]) else {
          throw .corrupt("no signature of a key frame")
        }
        size = ImageSize(
          width: (Int(head[6]) | Int(head[7]) << 8) & 0x3FFF, height: (Int(head[8]) | Int(head[9]) << 8) & 0x3FFF)
        guard size.width > 0, size.height > 0 else { throw .corrupt("a size of \(size)") }
        hasAlpha = false
      }
    }
  }
}
