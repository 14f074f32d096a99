import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Files of the kinds besides JPEG and PNG that are made to use much memory or time, or in which a part is missing.
@Suite("Hostile kinds of source")
struct HostileKindTests {
  /// Bytes of a number, the least significant one first.
  static func little(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func bmp(_ width: Int, _ height: Int, bits: Int, compression: Int = 0, colors: Int, _ data: [UInt8]) -> [UInt8]
  {
    Array("BM".utf8) + little(0, 8) + little(54 + 4 * colors, 4) + little(40, 4) + little(width, 4) + little(height, 4)
      + [1, 0] + little(bits, 2) + little(compression, 4) + little(0, 12) + little(colors, 4) + little(0, 4)
      + [UInt8](repeating: 90, count: 4 * colors) + data
  }

  static func webp(_ chunks: (name: String, data: [UInt8])...) -> [UInt8] {
    var content: [UInt8] = []
    for chunk in chunks {
      content += Array(chunk.name.utf8) + little(chunk.data.count, 4) + chunk.data
      if chunk.data.count % 2 == 1 { content.append(0) }
    }
    return Array("RIFF".utf8) + little(4 + content.count, 4) + Array("WEBP".utf8) + content
  }

  // MARK: Sides

  static let longSides: [[UInt8]] = [
    bmp(1_000_001, 1, bits: 1, colors: 2, []), bmp(1, -1_000_001, bits: 1, colors: 2, []),
    webp(("VP8X", little(0, 4) + little(1_000_000, 3) + little(0, 3))),
    PNGFile(chunks: [
      ("IHDR", PNGFile.bigEndian(1_000_001) + PNGFile.bigEndian(1) + [8, 0, 0, 0, 0]), ("IDAT", [0, 0, 0, 0]),
      ("IEND", []),
    ]).bytes,
  ]

  @Test("a side above a million pixels is refused at the header", arguments: longSides)
  func longSide(bytes: [UInt8]) {
    let error = failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(.memory(bytes)) }
    #expect(error?.code == .limitExceeded, "\(String(describing: error))")
    #expect(error?.message.contains("1000000") == true)
  }

  @Test("a side of a million pixels is none too many")
  func longestSide() throws {
    let found = try ImagePreparer().inspectBlocking(.memory(Self.bmp(1_000_000, 1, bits: 1, colors: 2, [])))
    #expect(found.storedSize.width == 1_000_000)
  }

  // MARK: WebP

  /// The bitstream of an image of 1024 by 1024 pixels, lossless or a key frame. It has a header and no pixels.
  static func bitstream(isLossless: Bool, count: Int) -> [UInt8] {
    let head: [UInt8] =
      isLossless
      ? [0x2F] + little(1023 | 1023 << 14, 4) : [0x10, 0, 0, 0x9D, 0x01, 0x2A] + little(1024, 2) + little(1024, 2)
    return head + [UInt8](repeating: 0, count: count - head.count)
  }

  @Test("memory of a WebP counts the Huffman codes of a lossless bitstream, and 5 bytes for each pixel of alpha")
  func webpMemory() throws {
    func bytes(_ file: [UInt8]) throws -> Int {
      try SourceDecoder(opening: .memory(file)).structure.wholeImageBytes
    }
    let pixels = 1024 * 1024
    let canvas: [UInt8] = [0x10, 0, 0, 0] + Self.little(1023, 3) + Self.little(1023, 3)
    let lossless = try bytes(Self.webp(("VP8L", Self.bitstream(isLossless: true, count: 1 << 18))))
    #expect(lossless >= 7 * pixels + 65536 * 6000)
    // In the file, the codes take 20 bits each.
    let short = try bytes(Self.webp(("VP8L", Self.bitstream(isLossless: true, count: 2000))))
    #expect((7 * pixels + 800 * 6000..<8 * pixels + 800 * 6200).contains(short), "\(short)")
    let alpha = try bytes(
      Self.webp(
        ("VP8X", canvas), ("ALPH", [1] + [UInt8](repeating: 0, count: 99)),
        ("VP8 ", Self.bitstream(isLossless: false, count: 100))))
    #expect((9 * pixels..<10 * pixels).contains(alpha), "\(alpha)")
  }

  @Test("alpha and colors of a WebP count together against the limit of memory")
  func webpCodedBytes() {
    let canvas: [UInt8] = [0x10, 0, 0, 0] + Self.little(1023, 3) + Self.little(1023, 3)
    let file = Self.webp(
      ("VP8X", canvas), ("ALPH", [UInt8](repeating: 0, count: 40_000)),
      ("VP8 ", Self.bitstream(isLossless: false, count: 40_000)))
    let error = failure { () throws(PreparationError) in
      try ImagePreparer(limits: Limits(maxMemory: 64 << 10)).inspectBlocking(.memory(file))
    }
    #expect(error?.code == .tooMuchMemory)
  }

  @Test(
    "a bitstream without rows is fed in few steps, and one with rows in many", arguments: [1_000, 3_842_142, 90 << 20])
  func feeding(byteCount: Int) {
    func steps(rowsFrom first: Int) -> Int {
      var feed = WebPFeed(byteCount: byteCount, height: 16_383)
      var (steps, fed) = (0, 0)
      while !feed.isWhole {
        let next = feed.next(rowsDone: fed > first ? 16 : 0)
        #expect(next > fed && next <= byteCount)
        (steps, fed) = (steps + 1, next)
      }
      #expect(fed == byteCount)
      return steps
    }
    #expect(steps(rowsFrom: byteCount) <= 12)
    #expect(steps(rowsFrom: 0) >= byteCount / 100_000)
  }

  // MARK: GIF

  /// A GIF of one pixel, with extensions before and after the image.
  static func gif(before: [UInt8], behind: [UInt8] = []) -> [UInt8] {
    Array("GIF89a".utf8) + [1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255] + before
      + [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4C, 0x01, 0] + behind + [0x3B]
  }

  static let packet: String =
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
    + "<rdf:Description rdf:about=\"\"/></rdf:RDF></x:xmpmeta>"

  /// An extension with a packet (XMP specification, part 3, 1.1.2).
  static func xmp(_ packet: String, trailer: [UInt8] = [1] + (0...255).reversed() + [0]) -> [UInt8] {
    [0x21, 0xFF, 11] + Array("XMP DataXMP".utf8) + Array(packet.utf8) + trailer
  }

  @Test("the packet of a GIF is kept without the bytes that end its blocks")
  func keptPacket() throws {
    let found = try ImagePreparer().inspectBlocking(.memory(Self.gif(before: Self.xmp(Self.packet))))
    #expect(found.xmp.map { String(decoding: $0, as: UTF8.self) } == Self.packet)
    #expect(!found.hasGPS)
  }

  @Test(
    "a packet of a GIF that is not searched leaves its location open",
    arguments: [
      gif(before: xmp(packet) + xmp(packet)), gif(before: [], behind: xmp(packet)),
      gif(before: xmp(packet), behind: [0x21, 0xFE, 1, 65, 0] + xmp(packet)),
      gif(before: xmp(packet + String(repeating: " ", count: 5000))), gif(before: xmp("", trailer: [2, 60, 62, 0])),
    ])
  func uncertainLocation(bytes: [UInt8]) throws {
    let preparer = ImagePreparer(limits: Limits(maxMetadataBytes: 4000))
    let found = try preparer.inspectBlocking(.memory(bytes))
    #expect(found.hasGPS)
    #expect(found.notes.contains { $0.contains("metadata") }, "\(found.notes)")
  }

  // MARK: Missing parts

  @Test(
    "damage of a BMP that keeps its rows is a warning",
    arguments: [
      bmp(2, 1, bits: 8, colors: 1, [0, 1, 0, 0]),
      // The bitmaps end after the first of two rows, and before any row.
      bmp(2, 2, bits: 8, compression: 1, colors: 1, [2, 0, 0, 0, 0, 1]),
      bmp(2, 2, bits: 8, compression: 1, colors: 1, [0, 1]),
      bmp(2, 1, bits: 4, compression: 2, colors: 1, [2, 1, 0, 1]),
    ])
  func overlooked(bytes: [UInt8]) throws {
    _ = try KindTests.pixels(.memory(bytes), policy: .error)
    let error = failure { () throws(PreparationError) in try KindTests.pixels(.memory(bytes), policy: .warning) }
    #expect(error?.code == .warning)
  }

  @Test(
    "a BMP whose run-length codes contain all rows is not damaged",
    arguments: [[2, 0, 0, 0, 2, 0, 0, 1], [2, 0, 0, 0, 2, 0, 0, 0, 0, 1], [0, 2, 1, 1, 1, 0, 0, 1]] as [[UInt8]])
  func whole(data: [UInt8]) throws {
    let bytes = Self.bmp(2, 2, bits: 8, compression: 1, colors: 1, data)
    _ = try KindTests.pixels(.memory(bytes), policy: .warning)
  }

  @Test(
    "a PSD that lacks its alpha is opaque under `none`",
    arguments: [(1, []), (2, [UInt8](repeating: 70, count: 768)), (3, [])] as [(Int, [UInt8])])
  func missingAlpha(mode: Int, colors: [UInt8]) throws {
    let channels = [[UInt8]](repeating: [70, 70], count: mode == 3 ? 3 : 1) + [[9, 9]]
    let layers = KindTests.big(2, 4) + [0xFF, 0xFF]
    let bytes = KindTests.psd(mode: mode, channels: channels, colors: colors, layers: layers)
    #expect(try KindTests.pixels(.memory(bytes)) == [70, 70, 70, 9, 70, 70, 70, 9])
    let cut = try KindTests.pixels(.memory(bytes.dropLast(2)), policy: .none)
    #expect(cut == [70, 70, 70, 255, 70, 70, 70, 255])
  }

  // MARK: Reading

  @Test("bytes of a file that are left out are not read, and a file that ends before is truncated")
  func skipping() throws {
    let path = TestFolder.url.appending(path: "sparse").path
    try #require(FileManager.default.createFile(atPath: path, contents: Data([1, 2, 3])))
    let file = try #require(FileHandle(forWritingAtPath: path))
    let gap = 1 << 40
    try file.truncate(atOffset: UInt64(gap))
    try file.seekToEnd()
    try file.write(contentsOf: [7, 8])
    try file.close()
    var bytes = ByteReader(try ByteSource(.file(path)))
    let first = try bytes.next()
    try bytes.skip(gap - 1)
    let (offset, end, last) = (bytes.offset, bytes.end, bytes.copy(at: gap + 1, count: 1))
    let next = try bytes.next()
    #expect(first == 1 && offset == gap && end == gap + 2 && last == [8] && next == 7)
    do throws(ReadFault) {
      try bytes.skip(gap)
      Issue.record("it has no more bytes")
    } catch {
      guard case .truncated = error else { throw error }
    }
  }
}
