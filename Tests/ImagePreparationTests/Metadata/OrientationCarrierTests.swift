import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The orientation of a source is found wherever the file stores it. The expected values come from exiftool.
@Suite("Carriers of the orientation")
struct OrientationCarrierTests {
  typealias Segment = (marker: UInt8, data: [UInt8])

  static func exif(_ tiff: [UInt8]) -> Segment { (0xE1, Array("Exif\0\0".utf8) + tiff) }
  static func packet(_ orientation: Int) -> [UInt8] {
    Array(
      """
      <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description \
      rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:Orientation>\(orientation)</tiff:Orientation>\
      </rdf:Description></rdf:RDF></x:xmpmeta>
      """.utf8)
  }
  static func xmp(_ orientation: Int) -> Segment {
    (0xE1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + packet(orientation))
  }

  /// A TIFF structure with an orientation of `count` integers of this type. They are in the entry, or after the directory if they do
  /// not fit (TIFF 6.0, section 2).
  static func tiff(type: UInt8, size: Int, count: Int, value: UInt8 = 6) -> [UInt8] {
    let values = (0..<count).flatMap { _ in [UInt8](repeating: 0, count: size - 1) + [value] }
    let isInline = values.count <= 4
    let field = isInline ? values + [UInt8](repeating: 0, count: 4 - values.count) : [0, 0, 0, 26]
    return MetadataTests.tiff([[0x01, 0x12, 0, type, 0, 0, 0, UInt8(count)] + field]) + (isInline ? [] : values)
  }

  /// A profile as ImageMagick writes it: a name, a length and hexadecimal digits.
  static func profile(_ name: String, _ bytes: [UInt8], compressed: Bool) -> PNGFile.Chunk {
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let text = Array("\n\(name)\n\(bytes.count)\n\(digits)\n".utf8)
    let keyword = Array("Raw profile type \(name)\0".utf8)
    return compressed ? ("zTXt", keyword + [0] + GeneratedPNG.deflate(text, level: 6)) : ("tEXt", keyword + text)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: [UInt8]
    /// Words that the note about disagreeing carriers must contain; nil if there must be no note.
    var note: String?

    init(_ name: String, jpeg segments: [Segment], note: String? = nil) throws {
      testDescription = "JPEG, " + name
      file = JPEGFile(try Fixtures.bytes("jpeg/small-444.jpg")).inserting(segments)
      self.note = note
    }

    init(_ name: String, png chunks: [PNGFile.Chunk], behindData: Bool = false, note: String? = nil) throws {
      testDescription = "PNG, " + name
      var file = PNGFile(try Fixtures.bytes("png/small-rgb8.png"))
      file.chunks.insert(contentsOf: chunks, at: behindData ? file.chunks.count - 1 : 1)
      self.file = file.bytes
      self.note = note
    }

    init(_ name: String, _ fixture: String) throws {
      testDescription = name
      file = try Fixtures.bytes(fixture)
    }
  }

  static let turned = MetadataTests.tiff([MetadataTests.orientation(6)])
  static let otherwise = MetadataTests.tiff([MetadataTests.orientation(3)])
  static let exifTag = Array("Exif\0\0".utf8)

  /// The orientation of each file is 6, or the one that exiftool finds first.
  static let cases: [Case] =
    try! [
      Case("a raw profile of exif", "png/orientation-6-raw-profile.png"),
      Case("XMP alone", "png/orientation-6-xmp.png"),
      Case("a byte", "jpeg/orientation-6-byte.jpg"),
      Case("an empty segment before", "jpeg/orientation-6-second-segment.jpg"),
      Case("XMP alone", jpeg: [xmp(6)]), Case("another order", jpeg: [xmp(6), exif(turned)]),
      Case("EXIF and XMP disagree", jpeg: [exif(turned), xmp(3)], note: "3 in XMP"),
      Case("two segments of EXIF disagree", jpeg: [exif(turned), exif(otherwise)], note: "3 in further EXIF"),
      Case("a segment without orientation before", jpeg: [exif(MetadataTests.tiff([])), exif(turned)]),
      Case("a damaged segment before", jpeg: [exif([1, 2, 3, 4, 5, 6, 7, 8]), exif(turned)]),
      Case("eXIf", png: [("eXIf", turned)]), Case("eXIf with a prefix", png: [("eXIf", exifTag + turned)]),
      Case(
        "XMP behind the pixels", png: [("iTXt", Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + packet(6))],
        behindData: true),
      Case(
        "XMP, compressed",
        png: [("iTXt", Array("XML:com.adobe.xmp\0\u{1}\0\0\0".utf8) + GeneratedPNG.deflate(packet(6), level: 6))]),
      Case("a profile exif in tEXt", png: [profile("exif", exifTag + turned, compressed: false)]),
      Case("a profile APP1 in zTXt", png: [profile("APP1", exifTag + turned, compressed: true)]),
      Case(
        "a profile APP1 of XMP",
        png: [profile("APP1", Array("http://ns.adobe.com/xap/1.0/\0".utf8) + packet(6), compressed: true)]),
      Case("a profile xmp", png: [profile("xmp", packet(6), compressed: true)]),
      Case(
        "eXIf and XMP disagree",
        png: [("eXIf", turned), ("iTXt", Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + packet(8))],
        note: "8 in XMP"),
      Case(
        "a profile and XMP disagree",
        png: [
          profile("exif", exifTag + turned, compressed: true),
          ("iTXt", Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + packet(8)),
        ],
        note: "8 in XMP"),
    ]
    + [(1, 1), (3, 2), (4, 4), (6, 1), (8, 2), (9, 4)].flatMap { type, size in
      try (1...3).map { count in
        try Case(
          "type \(type), \(count) values", jpeg: [exif(tiff(type: UInt8(type), size: size, count: count))])
      }
    }

  /// The orientations that exiftool finds in each file, as numbers. One process reads all files. If a tag has several values, only the
  /// first one has a meaning.
  static func judged(_ files: [[UInt8]], _ arguments: [String] = []) throws -> [[String]] {
    let folder = TestFolder.url.appending(path: "gesso-orientations-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let names = files.indices.map { folder.appending(path: String($0)).path }
    for (name, bytes) in zip(names, files) { try Data(bytes).write(to: URL(filePath: name)) }
    let output = try ExifTool.run(["-json", "-n", "-m", "-Orientation"] + arguments + names)
    let objects = try #require(try JSONSerialization.jsonObject(with: output) as? [[String: Any]])
    return try names.map { name in
      let tags = try #require(objects.first { $0["SourceFile"] as? String == name })
      return tags.filter { $0.key != "SourceFile" }.map {
        "\($0.value)".split { !$0.isNumber }.first.map(String.init) ?? ""
      }
    }
  }

  @Test(
    "the orientation is the one that exiftool finds, and one that disagrees is noted",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"))
  func carriers() throws {
    for (example, judged) in zip(Self.cases, try Self.judged(Self.cases.map(\.file))) {
      let description = try ImagePreparer().inspectBlocking(.memory(example.file))
      #expect(judged == ["6"] && description.orientation.rawValue == 6, "\(example): \(judged)")
      let note = description.notes.first { $0.contains("orientation") }
      if let words = example.note {
        #expect(note?.contains(words) == true, "\(example): \(description.notes)")
      } else {
        #expect(note == nil, "\(example): \(description.notes)")
      }
    }
  }

  @Test(
    "kept metadata are upright, whatever carried them",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"))
  func kept() throws {
    let outputs = [Recipe.Output.png(), .jpeg()]
    let files = try Self.cases.flatMap { example in
      try outputs.map { output in
        let recipe = Recipe(size: .original, output: output, metadata: .keep)
        let image = try ImagePreparer().prepareBlocking(.memory(example.file), as: recipe)
        #expect(image.size == ImageSize(width: 149, height: 227), "\(example)")
        return image.bytes
      }
    }
    for (index, judged) in try Self.judged(files, ["-a", "-G4"]).enumerated() {
      let place = "\(Self.cases[index / outputs.count]), \(outputs[index % outputs.count])"
      #expect(judged.allSatisfy { $0 == "1" }, "\(place): \(judged)")
    }
  }

  #if DEBUG
  static let isDebug = true
  #else
  static let isDebug = false
  #endif

  /// In files such as these, each text once was inflated to 16 MiB. One file of 1.6 MB took 3 GiB in all, or a minute.
  @Test(
    "texts after the first 16 MiB are not read",
    .sameOnEveryInstructionSet, .enabled(if: !isDebug, "without optimization, 24 MiB of texts take half a minute"),
    arguments: [false, true])
  func bomb(isProfile: Bool) throws {
    let orientation = Array(
      LocationTests.packet(#"xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6""#).utf8)
    let filler = [UInt8](repeating: UInt8(ascii: " "), count: 12 << 20)
    func text(_ bytes: [UInt8]) -> PNGFile.Chunk {
      guard isProfile else { return LocationTests.text("zTXt", "XML:com.adobe.xmp", bytes) }
      let digits = StreamContent.hexadecimal(bytes)
      return LocationTests.text("zTXt", "Raw profile type xmp", Array("\nxmp\n1\n".utf8) + digits)
    }
    let large = isProfile ? Array(filler.prefix(6 << 20)) : filler
    for (chunks, expected) in [([large, orientation], 6), ([large, large, orientation], 1)] {
      let description = try ImagePreparer().inspectBlocking(.memory(LocationTests.png(chunks.map(text))))
      #expect(description.orientation.rawValue == expected)
    }
  }
}
