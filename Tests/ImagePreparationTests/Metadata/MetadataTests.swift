import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Metadata")
struct MetadataTests {
  /// A TIFF structure with one directory of 12-byte entries.
  static func tiff(_ entries: [[UInt8]], count: Int? = nil, directory: UInt8 = 8) -> [UInt8] {
    [0x4D, 0x4D, 0, 42, 0, 0, 0, directory, 0, UInt8(count ?? entries.count)] + entries.flatMap(\.self) + [0, 0, 0, 0]
  }

  static func orientation(_ value: UInt8, type: UInt8 = 3, count: UInt8 = 1) -> [UInt8] {
    [0x01, 0x12, 0, type, 0, 0, 0, count] + (type == 3 ? [0, value, 0, 0] : [0, 0, 0, value])
  }

  static let gps: [UInt8] = [0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0]

  @Test("the codec collects the types of chunks that are decided on, and no other")
  func chunkTypes() throws {
    let header = try String(
      contentsOf: Fixtures.folder.deletingLastPathComponent().appending(path: "Sources/CImageCodecs/png_metadata.h"),
      encoding: .utf8)
    let list = try #require(header.firstMatch(of: #/CIC_PNG_METADATA_CHUNKS "(.*)"/#)).1
    #expect(list == PNGChunk.Metadata.allCases.map { $0.rawValue + #"\0"# }.joined())
  }

  static let hostile: [([UInt8], Int, Bool)] = [
    (tiff([orientation(6)]), 6, false),
    (tiff([gps, orientation(8, type: 4)]), 8, true),
    (tiff([orientation(0)]), 1, false), (tiff([orientation(9)]), 1, false),
    (tiff([orientation(6, type: 5)]), 1, false), (tiff([orientation(6, count: 2)]), 6, false),
    (tiff([orientation(6)], count: 255), 6, false),  // more entries than bytes
    (tiff([orientation(6)], directory: 255), 1, false), (tiff([orientation(6)], directory: 0), 1, false),
    (Array(tiff([orientation(6)]).prefix(15)), 1, false), ([0x49, 0x4D, 42, 0, 8, 0, 0, 0], 1, false),
    (Array(repeating: 0xFF, count: 64), 1, false), ([], 1, false),
  ]

  @Test("EXIF is read whatever its bytes are", arguments: hostile)
  func exif(bytes: [UInt8], orientation: Int, hasGPS: Bool) {
    let exif = EXIFReader(bytes.span)
    #expect((exif.orientation ?? .upright).rawValue == orientation)
    #expect(exif.hasGPS == hasGPS)
  }

  @Test("every prefix of an EXIF block is read without a trap")
  func exifPrefixes() {
    let whole = Self.tiff([Self.gps, Self.orientation(3)])
    for count in 0...whole.count {
      let part = Array(whole.prefix(count))
      _ = EXIFReader(part.span)
    }
  }

  @Test("orientation in a PNG's eXIf, both byte orders", arguments: 1...8)
  func pngOrientation(number: Int) throws {
    let description = try ImagePreparer().inspectBlocking(.file(Fixtures.path("png/exif-orientation-\(number).png")))
    #expect(description.orientation.rawValue == number)
    #expect(description.hasEXIF)
  }

  @Test("the metadata of a phone's photograph are found")
  func phone() throws {
    let description = try ImagePreparer().inspectBlocking(.file(Fixtures.path("jpeg/phone.jpg")))
    #expect(description.orientation == .turnRight)
    #expect(description.hasGPS)
    #expect(try DecodedImage.decode(.file(Fixtures.path("jpeg/phone.jpg"))).damage == DecodingDamage())
  }

  @Test(
    "XMP and text are found",
    arguments: [
      ([(UInt8(0xE1), Array("http://ns.adobe.com/xap/1.0/\0<x/>".utf8))], true, false),
      ([(UInt8(0xFE), Array("a comment".utf8))], false, true), ([], false, false),
    ] as [([(marker: UInt8, data: [UInt8])], Bool, Bool)])
  func jpegText(segments: [(marker: UInt8, data: [UInt8])], hasXMP: Bool, hasText: Bool) throws {
    let bytes = JPEGFile(try Fixtures.bytes("jpeg/coded/gray.jpg")).inserting(segments)
    let description = try ImagePreparer().inspectBlocking(.memory(bytes))
    #expect(description.hasXMP == hasXMP)
    #expect(description.hasText == hasText)
  }

  @Test("chunks that libpng 1.6.39 does not know")
  func pngChunks() throws {
    var file = PNGFile(try Fixtures.bytes("png/pngsuite/basn2c08.png"))
    file.chunks.insert(("cICP", [12, 13, 0, 1]), at: 1)
    file.chunks.insert(("acTL", [0, 0, 0, 1, 0, 0, 0, 0]), at: 1)
    file.chunks.insert(("iTXt", Array("XML:com.adobe.xmp\0\0\0\0\0<x/>".utf8)), at: 1)
    let description = try ImagePreparer().inspectBlocking(.memory(file.bytes))
    #expect(description.pngColor?.codePoints == .init(primaries: 12, transfer: 13, matrix: 0, isFullRange: true))
    #expect(description.isAnimated)
    #expect(description.hasXMP)
    #expect(!description.hasText)
  }

  @Test("text after the image data is found, whatever its length", arguments: [10, 200_000], [1, 40])
  func trailingText(count: Int, dataChunks: Int) throws {
    var file = PNGFile(try Fixtures.bytes("png/art-rgb8.png"))
    // The data are repeated three times, so that they are longer than the part of a file's end that is read at once. The test does not
    // inflate them.
    let data = Array(repeatElement(file.chunks.filter { $0.type == "IDAT" }.flatMap(\.data), count: 3).joined())
    let size = data.count / dataChunks + 1
    let pieces = stride(from: 0, to: data.count, by: size).map {
      ("IDAT", Array(data[$0..<min($0 + size, data.count)]))
    }
    file.chunks = file.chunks.filter { !["IDAT", "IEND", "tEXt", "zTXt", "iTXt"].contains($0.type) } + pieces
    #expect(try !ImagePreparer().inspectBlocking(.memory(PNGFile(chunks: file.chunks + [("IEND", [])]).bytes)).hasText)
    file.chunks += [("tEXt", Array("Comment\0".utf8) + [UInt8](repeating: 65, count: count)), ("IEND", [])]
    #expect(try ImagePreparer().inspectBlocking(.memory(file.bytes)).hasText)
    let path = TestFolder.url.appending(path: "gesso-trailing-\(count)-\(dataChunks).png").path
    try Data(file.bytes).write(to: URL(filePath: path))
    #expect(try ImagePreparer().inspectBlocking(.file(path)).hasText)
  }

  /// The expected names are those that exiftool prints.
  @Test(
    "the name of a profile is read",
    arguments: [
      ("sRGB-v2-nano", "nRGB"), ("sRGB-v4", "sRGB"), ("DisplayP3-v2-magic", "sP3"), ("DisplayP3-v4", "sP3"),
      ("AdobeCompat-v4", "A98C"), ("sGrey-v4", "sGry"),
    ])
  func profileNames(file: String, name: String) throws {
    #expect(ColorProfile.name(of: try Fixtures.bytes("icc/\(file).icc")) == name)
  }

  @Test(
    "the English name of a profile is taken, or the first one, with all letters",
    arguments: [
      ([("de", "Grüße"), ("en", "Größe é")], "Größe é"), ([("ja", "色空間"), ("fr", "été")], "色空間"),
      ([("en", "")], nil),
    ] as [([(String, String)], String?)])
  func profileLanguages(names: [(language: String, text: String)], name: String?) throws {
    var profile = try Fixtures.bytes("icc/sRGB-v4.icc")
    // The new tag is a multiLocalizedUnicodeType (ICC.1:2022, 10.15), and is placed at the end of the profile.
    let texts = names.map { $0.text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } }
    var tag = Array("mluc".utf8) + PNGFile.bigEndian(0) + PNGFile.bigEndian(UInt32(names.count)) + PNGFile.bigEndian(12)
    var offset = tag.count + 12 * names.count
    for (name, text) in zip(names, texts) {
      tag +=
        Array("\(name.language)XX".utf8) + PNGFile.bigEndian(UInt32(text.count)) + PNGFile.bigEndian(UInt32(offset))
      offset += text.count
    }
    tag += texts.joined()
    // An entry of the tag table has a signature, an offset and a size.
    let entry = try #require(
      stride(from: 132, to: 132 + 12 * Int(profile[131]), by: 12).first {
        profile[$0..<$0 + 4].elementsEqual("desc".utf8)
      })
    let place = PNGFile.bigEndian(UInt32(profile.count)) + PNGFile.bigEndian(UInt32(tag.count))
    profile.replaceSubrange(entry + 4..<entry + 12, with: place)
    profile += tag
    profile.replaceSubrange(0..<4, with: PNGFile.bigEndian(UInt32(profile.count)))
    #expect(ColorProfile.name(of: profile) == name)
  }

  @Test("every prefix of a profile is read without a trap")
  func profilePrefixes() throws {
    let whole = try Fixtures.bytes("icc/sRGB-v4.icc")
    for count in 0..<whole.count { _ = ColorProfile.name(of: Array(whole.prefix(count))) }
  }

  /// 150 KB in three segments.
  static let profile = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

  static func segments(_ order: [Int], total: UInt8 = 3) -> [(marker: UInt8, data: [UInt8])] {
    order.map { k in
      (0xE2, Array("ICC_PROFILE\0".utf8) + [UInt8(k), total] + profile[(k - 1) * 50_000..<k * 50_000])
    }
  }

  @Test("a profile in several segments, in any order", arguments: [[1, 2, 3], [3, 1, 2]])
  func profileSegments(order: [Int]) throws {
    let bytes = JPEGFile(try Fixtures.bytes("jpeg/coded/420.jpg")).inserting(Self.segments(order))
    let description = try ImagePreparer().inspectBlocking(.memory(bytes))
    #expect(description.iccProfile == Self.profile)
    #expect(description.notes.isEmpty)
  }

  @Test(
    "a profile with a missing, doubled or contradicting segment is ignored, with a note",
    arguments: [
      segments([1, 3]), segments([1, 2, 2, 3]), segments([1, 2]) + segments([3], total: 4), segments([3], total: 2),
    ])
  func brokenProfiles(segments: [(marker: UInt8, data: [UInt8])]) throws {
    let bytes = JPEGFile(try Fixtures.bytes("jpeg/coded/420.jpg")).inserting(segments)
    let description = try ImagePreparer().inspectBlocking(.memory(bytes))
    #expect(description.iccProfile == nil)
    #expect(description.notes.count == 1)
  }
}
