import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Metadata that are kept must be true of the result. The tests read them with exiftool.
@Suite("Kept metadata are true of the result")
struct TrueMetadataTests {
  static func kept(
    _ source: [UInt8], _ output: Recipe.Output, size: Recipe.Size = .longestSide(100)
  ) throws -> (image: PreparedImage, tags: [String: Any]) {
    let recipe = Recipe(size: size, output: output, metadata: .keep)
    let image = try ImagePreparer().prepareBlocking(.memory(source), as: recipe)
    let file = TestFolder.url.appending(path: "gesso-true-\(UUID().uuidString).\(image.format.rawValue)")
    try Data(image.bytes).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return (image, try PrivacyTests.tags(file))
  }

  static let outputs = [Recipe.Output.jpeg(), .png()]

  /// A JPEG to which exiftool wrote the metadata that cameras and editors write.
  static func photograph() throws -> [UInt8] {
    let file = TestFolder.url.appending(path: "gesso-photograph-\(UUID().uuidString).jpg")
    try Data(try Fixtures.bytes("jpeg/small-420.jpg")).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    _ = try ExifTool.run([
      "-q", "-overwrite_original", "-n", "-Make=Camera", "-ExifIFD:ExifImageWidth=4000",
      "-ExifIFD:ExifImageHeight=3000",
      "-IFD0:ImageWidth=4000", "-IFD0:ImageHeight=3000", "-Orientation=6", "-XMP-tiff:ImageWidth=4000",
      "-XMP-tiff:ImageHeight=3000", "-XMP-exif:ExifImageWidth=4000", "-XMP-exif:ExifImageHeight=3000",
      "-XMP-tiff:Orientation=6", "-XMP-dc:Title=Meer & Wald",
      "-ThumbnailImage<=\(Fixtures.path("jpeg/small-gray.jpg"))", "-UserComment=a comment", file.path,
    ])
    return [UInt8](try Data(contentsOf: file))
  }

  @Test(
    "pixel sizes are the result's, and the thumbnail is gone",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: outputs)
  func sizes(output: Recipe.Output) throws {
    let source = try Self.photograph()
    let (image, tags) = try Self.kept(source, output)
    #expect(image.size == ImageSize(width: 66, height: 100))
    for (tag, value) in [
      ("EXIF:ExifImageWidth", 66), ("EXIF:ExifImageHeight", 100), ("EXIF:ImageWidth", 66), ("EXIF:ImageHeight", 100),
      ("XMP:ImageWidth", 66), ("XMP:ImageHeight", 100), ("XMP:ExifImageWidth", 66), ("XMP:ExifImageHeight", 100),
    ] { #expect(tags[tag] as? Int == value, "\(tag): \(String(describing: tags[tag]))") }
    #expect(tags["XMP:Title"] as? String == "Meer & Wald" && tags["EXIF:Make"] as? String == "Camera")
    #expect(tags["EXIF:UserComment"] as? String == "a comment")
    #expect(tags.keys.allSatisfy { !$0.contains("Thumbnail") && !$0.contains("Extended") }, "\(tags.keys)")
    #expect(tags["ExifTool:Warning"] == nil, "\(String(describing: tags["ExifTool:Warning"]))")
    // No part of the thumbnail is left.
    let thumbnail = try Fixtures.bytes("jpeg/small-gray.jpg").suffix(400)
    #expect(Data(source).range(of: Data(thumbnail)) != nil && Data(image.bytes).range(of: Data(thumbnail)) == nil)
    #expect(image.notes.contains { $0.contains("thumbnail") }, "\(image.notes)")
  }

  @Test(
    "the thumbnail of a turned photograph is gone",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: outputs)
  func thumbnail(output: Recipe.Output) throws {
    let (image, tags) = try Self.kept(try Fixtures.bytes("jpeg/exif-thumbnail.jpg"), output)
    #expect(image.size == ImageSize(width: 100, height: 67))
    #expect(tags.keys.allSatisfy { !$0.contains("Thumbnail") }, "\(tags.keys)")
    #expect(tags["EXIF:Orientation"] as? String == "Horizontal (normal)" && tags["ExifTool:Warning"] == nil)
  }

  @Test(
    "no gain map is promised that is gone, and a note says so",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: outputs)
  func gainMap(output: Recipe.Output) throws {
    let source = try Fixtures.bytes("jpeg/ultra-hdr.jpg")
    let (image, tags) = try Self.kept(source, output)
    #expect(tags.keys.allSatisfy { !$0.hasPrefix("XMP:") || $0 == "XMP:XMPToolkit" }, "\(tags.keys)")
    #expect(tags["ExifTool:Warning"] == nil)
    #expect(image.notes.contains { $0.contains("gain map") }, "\(image.notes)")
    let stripped = try ImagePreparer().prepareBlocking(.memory(source), as: Recipe(output: output))
    #expect(stripped.notes.contains { $0.contains("gain map") }, "\(stripped.notes)")
  }

  @Test("a gain map that a JPEG declares by ISO 21496-1 alone is noted, too", arguments: ["\0", "!"])
  func standardGainMap(end: String) throws {
    let content = Array("urn:iso:std:iso:ts:21496:-1\(end)".utf8) + [0, 0, 0, 0]
    let file = JPEGFile(try Fixtures.bytes("jpeg/small-444.jpg")).inserting([(0xE2, content)])
    let image = try ImagePreparer().prepareBlocking(.memory(file))
    #expect(image.notes.contains { $0.contains("gain map") } == (end == "\0"), "\(image.notes)")
  }

  @Test("metadata too large for a JPEG are left out with a note, and fit into a PNG", arguments: outputs)
  func large(output: Recipe.Output) throws {
    var packet = OrientationCarrierTests.packet(1)
    let end = try #require(packet.lastIndex(of: UInt8(ascii: "<")))
    packet.insert(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: 100_000), at: end)
    var file = PNGFile(try Fixtures.bytes("png/small-rgb8.png"))
    file.chunks.insert(("iTXt", Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + packet), at: 1)
    let recipe = Recipe(output: output, metadata: .keep)
    let image = try ImagePreparer().prepareBlocking(.memory(file.bytes), as: recipe)
    let kept = try ImagePreparer().inspectBlocking(.memory(image.bytes))
    #expect(kept.hasXMP == (output.format == .png))
    #expect(image.notes.contains { $0.contains("XMP") && $0.contains("JPEG") } == (output.format == .jpeg))
  }

  /// The damage may be anywhere in the structure of EXIF. Nothing traps, and the kept metadata are still upright.
  @Test("hostile EXIF is edited without a trap", .sameOnEveryInstructionSet)
  func hostile() throws {
    let file = TestFolder.url.appending(path: "gesso-hostile.jpg")
    try Data(try Self.photograph()).write(to: file)
    let whole = try #require(try ImagePreparer().inspectBlocking(.file(file.path)).exif)
    var random = SplitMix64(seed: 6)
    let size = ImageSize(width: 10, height: 20)
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        bytes[Int.random(in: 4..<min(bytes.count, 400), using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count - 8, using: &random)) }
      guard let edited = EXIFEditor(bytes, size: size, withoutLocation: bytes.count % 2 == 0) else { continue }
      let orientation = EXIFReader(edited.bytes.span).orientation
      #expect(edited.bytes.count <= bytes.count && (orientation ?? .upright) == .upright)
    }
  }

  @Test("EXIF is upright when the entries before its orientation are taken out", arguments: [false, true])
  func unsorted(withoutLocation: Bool) throws {
    // According to the standard, the GPS directory would come after the orientation.
    let bytes = TIFFEntry.structure([
      TIFFEntry(0x8825, directory: [TIFFEntry(1, text: "N")]), TIFFEntry(0x0112, shorts: [6]),
      TIFFEntry(0x010F, text: "Camera"),
    ])
    #expect(EXIFReader(bytes.span).orientation == .turnRight)
    let edited = try #require(
      EXIFEditor(bytes, size: ImageSize(width: 1, height: 1), withoutLocation: withoutLocation))
    let exif = EXIFReader(edited.bytes.span)
    #expect(exif.orientation == .upright && exif.hasGPS == !withoutLocation)
    let tiff = try #require(TIFFStructure(edited.bytes))
    #expect(tiff.first.entries.first { $0.tag == 0x010F }.flatMap { tiff.text(of: $0) } == "Camera")
  }

  @Test(
    "a packet is edited as XML, or not kept",
    arguments: [
      (
        #"<a xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation = '6'/>"#,
        #"<a xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation = '1'/>"#
      ),
      (
        #"<a xmlns:o="http://other/"><o:Orientation>6</o:Orientation></a>"#,
        #"<a xmlns:o="http://other/"><o:Orientation>6</o:Orientation></a>"#
      ),
      (
        #"<a xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0" b="c"><h:X><h:X/>t</h:X>d</a>"#,
        #"<a xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" b="c">d</a>"#
      ),
      ("<a><!-- <b> --><?p <?><![CDATA[<c>]]></a>", "<a><!-- <b> --><?p <?><![CDATA[<c>]]></a>"),
      ("<a><b></a></b>", nil), ("<a", nil), ("<a b=c/>", nil), ("<!DOCTYPE a><a/>", nil), ("<a>", nil),
      ("<a \u{0}/>", nil),
      // Fuzzing of metadata found this packet. If only the first attribute were removed, the second one would become a part of the
      // element's name.
      (##"<a xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/"><b h:Version="1"c="2"></b></a>"##, nil),
    ] as [(String, String?)])
  func packets(packet: String, expected: String?) {
    let edited = XMPEditor(Array(packet.utf8), size: ImageSize(width: 1, height: 1))
    #expect(edited.map { String(decoding: $0.bytes, as: UTF8.self) } == expected)
  }

  @Test("every prefix of a packet, and every damaged one, is read without a trap")
  func damagedPackets() {
    let whole = OrientationCarrierTests.packet(6)
    var random = SplitMix64(seed: 7)
    for count in 0...whole.count {
      _ = XMPEditor(Array(whole.prefix(count)), size: ImageSize(width: 1, height: 1))
      var damaged = whole
      damaged[Int.random(in: 0..<whole.count, using: &random)] = [60, 62, 47, 34, 58, 0].randomElement(using: &random)!
      _ = XMPEditor(damaged, size: ImageSize(width: 1, height: 1))
    }
  }
}
