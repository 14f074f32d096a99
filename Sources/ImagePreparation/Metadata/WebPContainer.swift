/// The chunks of a whole WebP (RFC 9649, 2.3 to 2.7). It reads them, removes those that belong to no image, and inserts profile and
/// metadata.
struct WebPContainer {
  struct Chunk {
    let name: String
    var content: ArraySlice<UInt8>
  }

  private(set) var chunks: [Chunk]
  /// True if the last chunk is incomplete.
  private(set) var isCut: Bool
  /// The number of bytes after the end that the file declares.
  private(set) var trailing: Int

  /// The chunks that describe profile and metadata, and their flags in VP8X.
  private static let flags: [String: UInt8] = ["ICCP": 0x20, "EXIF": 0x08, "XMP ": 0x04]
  private static let alphaFlag: UInt8 = 0x10
  /// The chunks of an image, and of a frame of an animation.
  private static let frameChunks: Set = ["ALPH", "VP8 ", "VP8L"]
  /// The chunks with fields of a fixed length.
  private static let fieldBytes = ["VP8X": 10, "ANIM": 6]
  /// The fields of a frame, before its chunks.
  private static let frameFieldBytes = 16

  /// Reads a file that begins as a WebP.
  init(_ file: [UInt8]) {
    let declared = 8 + (file.count < 12 ? 4 : Self.number(file[4..<8]))
    let end = min(file.count, declared)
    trailing = file.count - end
    (chunks, isCut) = Self.chunks(of: file[min(12, end)..<end])
    // The last padding is often missing.
    isCut = isCut || declared - 1 > file.count
  }

  private static func chunks(of bytes: ArraySlice<UInt8>) -> ([Chunk], isCut: Bool) {
    var (chunks, isCut): ([Chunk], Bool) = ([], false)
    var at = bytes.startIndex
    while at + 8 <= bytes.endIndex {
      let count = number(bytes[at + 4..<at + 8])
      let content = bytes[at + 8..<min(at + 8 + count, bytes.endIndex)]
      isCut = isCut || content.count < count
      chunks.append(Chunk(name: String(decoding: bytes[at..<at + 4], as: UTF8.self), content: content))
      at += 8 + count + count % 2
    }
    return (chunks, isCut)
  }

  /// Removes everything that is not part of an image, also within frames: other chunks, and bytes after the fields of the chunks that stay.
  ///
  /// - Returns: The names of the chunks that were left out.
  mutating func keepImageAlone() -> [String] {
    var removed: [String] = []
    func keepsChunk(_ chunk: Chunk) -> Bool {
      let isKept = Self.frameChunks.contains(chunk.name)
      if !isKept { removed.append(chunk.name) }
      return isKept
    }
    chunks = chunks.compactMap { chunk in
      if let count = Self.fieldBytes[chunk.name] {
        return Chunk(name: chunk.name, content: chunk.content.prefix(count))
      }
      guard chunk.name == "ANMF" else { return keepsChunk(chunk) ? chunk : nil }
      let parts = Self.chunks(of: chunk.content.dropFirst(Self.frameFieldBytes)).0.filter(keepsChunk)
      let content = Array(chunk.content.prefix(Self.frameFieldBytes)) + parts.flatMap(Self.bytes)
      return Chunk(name: chunk.name, content: content[...])
    }
    setFlags()
    return removed
  }

  /// Inserts a profile or metadata, which replace existing ones. The order is that of the format: the profile before the image, EXIF and
  /// XMP after it. The first image must be whole.
  mutating func set(_ name: String, _ content: [UInt8]) {
    chunks.removeAll { $0.name == name }
    if let place = chunks.firstIndex(where: { $0.name == "VP8X" }) {
      chunks.insert(chunks.remove(at: place), at: 0)
    } else {
      chunks.insert(Chunk(name: "VP8X", content: header[...]), at: 0)
    }
    chunks.insert(Chunk(name: name, content: content[...]), at: name == "ICCP" ? 1 : chunks.count)
    setFlags()
  }

  /// The file.
  var bytes: [UInt8] {
    let content = Array("WEBP".utf8) + chunks.flatMap(Self.bytes)
    return Array("RIFF".utf8) + Self.bytes(content.count, 4) + content
  }

  /// The header of the extended form for the only image.
  private var header: [UInt8] {
    let image = chunks.first { $0.name == "VP8 " || $0.name == "VP8L" }
    guard let image,
      let stream = try? WebPFile.Bitstream(Array(image.content.prefix(10)), isLossless: image.name == "VP8L")
    else { preconditionFailure("the headers of the file were read before, or an encoder has made it") }
    return [stream.hasAlpha ? Self.alphaFlag : 0, 0, 0, 0] + Self.bytes(stream.size.width - 1, 3)
      + Self.bytes(stream.size.height - 1, 3)
  }

  /// Sets the flags of VP8X for the chunks that the file has.
  private mutating func setFlags() {
    guard let first = chunks.first, first.name == "VP8X", first.content.count >= 10 else { return }
    var header = Array(first.content)
    for (name, flag) in Self.flags {
      if chunks.contains(where: { $0.name == name }) { header[0] |= flag } else { header[0] &= ~flag }
    }
    chunks[0].content = header[...]
  }

  private static func bytes(_ chunk: Chunk) -> [UInt8] {
    Array(chunk.name.utf8) + bytes(chunk.content.count, 4) + chunk.content
      + [UInt8](repeating: 0, count: chunk.content.count % 2)
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }

  private static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
