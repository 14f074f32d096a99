import CZlib

/// Cuts a PNG into chunks and puts it together again, for tests that need one more chunk or another header.
struct PNGFile {
  typealias Chunk = (type: String, data: [UInt8])
  var chunks: [Chunk] = []

  init(chunks: [Chunk]) { self.chunks = chunks }

  init(_ bytes: [UInt8]) {
    var at = 8
    while at < bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      chunks.append((String(decoding: bytes[at + 4..<at + 8], as: UTF8.self), Array(bytes[at + 8..<at + 8 + length])))
      at += 12 + length
    }
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    for chunk in chunks {
      let content = Array(chunk.type.utf8) + chunk.data
      bytes += Self.bigEndian(UInt32(chunk.data.count))
      bytes += content
      bytes += Self.bigEndian(UInt32(unsafe crc32(0, content, uInt(content.count))))
    }
    return bytes
  }

  static func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }
}
