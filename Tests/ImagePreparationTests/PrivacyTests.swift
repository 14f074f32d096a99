import Foundation
import ImagePreparation
import TestSupport
import Testing

/// The metadata of results, as exiftool reads them.
@Suite("Privacy")
struct PrivacyTests {
  /// Tags by `Group:Name`.
  static func tags(_ file: URL) throws -> [String: Any] {
    let objects =
      try JSONSerialization.jsonObject(with: ExifTool.run(["-json", "-G", "-a", file.path])) as? [[String: Any]]
    return try #require(objects?.first)
  }

  /// The tags that describe pixels and the file itself.
  static let harmless: Set<String> = [
    "SourceFile", "JFIF:JFIFVersion", "JFIF:ResolutionUnit", "JFIF:XResolution", "JFIF:YResolution",
    "Composite:ImageSize", "Composite:Megapixels", "PNG:ImageWidth", "PNG:ImageHeight", "PNG:BitDepth", "PNG:ColorType",
    "PNG:Compression", "PNG:Filter", "PNG:Interlace", "PNG:SRGBRendering",
  ]

  @Test(
    "kept EXIF, XMP and comments are those that exiftool wrote, with an upright orientation",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: [("jpeg/small-420.jpg", false), ("png/small-rgb8.png", false), ("png/small-rgb8.png", true)],
    [EncodedFormat.jpeg, .png])
  func kept(_ source: (name: String, isBehindData: Bool), _ format: EncodedFormat) throws {
    let (name, isBehindData) = source
    let folder = TestFolder.url.appending(path: "gesso-kept-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "source." + (name as NSString).pathExtension)
    try Data(try Fixtures.bytes(name)).write(to: source)
    let written = [
      "EXIF:Make": "Camera", "EXIF:SerialNumber": "12-34", "EXIF:Copyright": "somebody", "EXIF:GPSLatitudeRef": "North",
      "EXIF:DateTimeOriginal": "2026:01:02 03:04:05",
    ]
    _ = try ExifTool.run(
      [
        "-q", "-overwrite_original", "-n", "-api", "PNGEarlyXMP=1", "-Orientation=6", "-XMP-tiff:Orientation=6",
        "-GPSLatitudeRef=N", "-XMP-dc:Title=geöffnet",
      ]
        + written.filter { $0.key != "EXIF:GPSLatitudeRef" }.map { "-\($0.key)=\($0.value)" } + [source.path])
    var bytes = [UInt8](try Data(contentsOf: source))
    if name.hasSuffix("jpg") {
      _ = try ExifTool.run(["-q", "-overwrite_original", "-Comment=a comment", source.path])
    } else {
      var file = PNGFile(bytes)
      let texts = ["Comment\0a comment", "Author\0somebody"].map { (type: "tEXt", data: Array($0.utf8)) }
      file.chunks.insert(contentsOf: texts, at: 1)
      if isBehindData {
        let metadata = file.chunks.filter { ["iTXt", "tEXt", "eXIf"].contains($0.type) }
        #expect(metadata.count == 4)
        file.chunks.removeAll { ["iTXt", "tEXt", "eXIf"].contains($0.type) }
        file.chunks.insert(contentsOf: metadata, at: file.chunks.count - 1)
      }
      bytes = file.bytes
      try Data(bytes).write(to: source)
    }
    let recipe = Recipe(
      size: .longestSide(100), output: format == .jpeg ? .jpeg() : .png(), metadata: .keep)
    let prepared = try ImagePreparer().prepareBlocking(.file(source.path), as: recipe)
    #expect(prepared.source.orientation == .turnRight && prepared.size.width < prepared.size.height)
    #expect(prepared.notes.contains("kept GPS"))
    let losesText = name.hasSuffix("png") && format == .jpeg
    #expect(prepared.notes.contains("text other than the comment cannot be kept and was left out") == losesText)
    #expect(prepared.notes.contains { $0.contains("cannot be kept") } == losesText)
    let output = folder.appending(path: "output." + format.rawValue)
    try Data(prepared.bytes).write(to: output)
    let tags = try Self.tags(output)
    #expect(tags["EXIF:Orientation"] as? String == "Horizontal (normal)")
    for (tag, value) in written { #expect(tags[tag] as? String == value, "\(tag)") }
    #expect(tags["XMP:Title"] as? String == "geöffnet" && tags["XMP:Orientation"] as? String == "Horizontal (normal)")
    #expect(tags[format == .jpeg ? "File:Comment" : "PNG:Comment"] as? String == "a comment")
    #expect((tags["PNG:Author"] as? String == "somebody") == (name.hasSuffix("png") && format == .png))
    #expect(tags["ExifTool:Warning"] == nil)
    #expect(try ImagePreparer().pixelsBlocking(of: .memory(prepared.bytes)).size == prepared.size)
    guard FileManager.default.isExecutableFile(atPath: Self.python.path) else {
      print("not read by Pillow, which Scripts/setup test installs")
      return
    }
    let read = try Self.readByPillow(output)
    #expect(read["orientation"] == "1" && read["comment"] == "a comment" && read["xmp"]?.contains("geöffnet") == true)
  }

  static let python = Fixtures.folder.deletingLastPathComponent().appending(path: ".build/venv-tests/bin/python")

  /// The metadata that Pillow finds in a file.
  static func readByPillow(_ file: URL) throws -> [String: String] {
    let script = """
      import json, sys
      from PIL import Image
      image = Image.open(sys.argv[1])
      image.load()
      comment, xmp = image.info.get("comment", image.info.get("Comment", "")), image.info.get("xmp", b"")
      print(json.dumps({"orientation": str(image.getexif().get(0x0112)), "xmp": xmp.decode(),
                        "comment": comment.decode() if isinstance(comment, bytes) else comment}))
      """
    let process = Process()
    process.executableURL = python
    process.arguments = ["-c", script, file.path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return try JSONDecoder().decode([String: String].self, from: data)
  }

  @Test(
    "exiftool finds nothing but pixels in any output",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: ["jpeg/small-420.jpg", "jpeg/icc-display-p3.jpg", "png/metadata.png", "png/small-rgb16.png"],
    [EncodedFormat.jpeg, .png])
  func nothingLeaves(_ name: String, _ format: EncodedFormat) throws {
    let folder = TestFolder.url.appending(path: "gesso-privacy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "source." + (name as NSString).pathExtension)
    try Data(try Fixtures.bytes(name)).write(to: source)
    // exiftool writes metadata like those that a camera and its owner write.
    _ = try ExifTool.run([
      "-q", "-overwrite_original", "-Make=Secret", "-SerialNumber=SECRET-1", "-LensSerialNumber=SECRET-2",
      "-OwnerName=Secret", "-GPSLatitude=42.9", "-GPSLatitudeRef=N", "-GPSLongitude=2.4", "-GPSLongitudeRef=W",
      "-ImageUniqueID=SECRET", "-UserComment=secret", "-XMP-dc:Title=secret", "-XMP-exif:GPSLatitude=42.9",
      "-ThumbnailImage<=\(Fixtures.path("jpeg/1x1.jpg"))", "-Comment=secret", source.path,
    ])
    let before = try Self.tags(source)
    #expect(before.keys.contains { $0.contains("GPS") } && before.keys.contains { $0.contains("SerialNumber") })

    var recipe = Recipe(size: .longestSide(100), output: format == .jpeg ? .jpeg() : .png())
    let prepared = try ImagePreparer().prepareBlocking(.file(source.path), as: recipe)
    #expect(prepared.notes.contains("stripped GPS"))
    let output = folder.appending(path: "output." + format.rawValue)
    try Data(prepared.bytes).write(to: output)
    let found = try Self.tags(output).keys.filter {
      !$0.hasPrefix("File:") && !$0.hasPrefix("ExifTool:") && !Self.harmless.contains($0)
    }
    #expect(found.isEmpty, "\(found)")
    // exiftool reports a comment as a tag of the file. In addition, the bytes of the result must not contain the texts.
    #expect(try Self.tags(output)["File:Comment"] == nil)
    #expect(Data(prepared.bytes).range(of: Data("ecret".utf8)) == nil)
    #expect(Data(prepared.bytes).range(of: Data("SECRET".utf8)) == nil)

    recipe.samples = .color(profile: .keep)
    let kept = try ImagePreparer().prepareBlocking(.file(source.path), as: recipe)
    try Data(kept.bytes).write(to: output)
    let groups = Set(try Self.tags(output).keys.map { $0.prefix { $0 != ":" } })
    #expect(groups.contains("ICC_Profile") == (prepared.source.iccProfile != nil))
    #expect(groups.isDisjoint(with: ["EXIF", "XMP", "IPTC", "MakerNotes", "MPF", "Photoshop"]))
  }

  @Test(
    "metadata are kept without a position, for exiftool, whatever carried it", .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: [("jpeg/small-420.jpg", true), ("jpeg/phone.jpg", false), ("png/small-rgb8.png", true)])
  func keptWithoutGPS(_ name: String, hasXMPPosition: Bool) throws {
    let folder = TestFolder.url.appending(path: "gesso-no-gps-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "source." + (name as NSString).pathExtension)
    try Data(try Fixtures.bytes(name)).write(to: source)
    _ = try ExifTool.run([
      "-q", "-overwrite_original", "-Make=Camera", "-Model=Nine", "-DateTimeOriginal=2026:01:02 03:04:05", "-ISO=200",
      "-GPSLatitude=42.9", "-GPSLatitudeRef=N", "-GPSLongitude=2.4", "-GPSLongitudeRef=W",
      "-GPSProcessingMethod=SECRET",
      "-XMP-dc:Title=open", hasXMPPosition ? "-XMP-exif:GPSLatitude=42.9" : "-XMP-dc:Creator=somebody", source.path,
    ])
    let recipe = Recipe(size: .longestSide(100), metadata: .keepWithoutGPS)
    let prepared = try ImagePreparer().prepareBlocking(.file(source.path), as: recipe)
    #expect(prepared.source.hasGPS && prepared.notes.contains("stripped GPS"), "\(prepared.notes)")
    let output = folder.appending(path: "output." + prepared.format.rawValue)
    try Data(prepared.bytes).write(to: output)
    let tags = try Self.tags(output)
    #expect(!tags.keys.contains { $0.contains("GPS") }, "\(tags.keys)")
    #expect(Data(prepared.bytes).range(of: Data("SECRET".utf8)) == nil)
    #expect(
      tags["ExifTool:Warning"] == nil && tags["EXIF:Make"] as? String == "Camera"
        && tags["EXIF:Model"] as? String == "Nine")
    #expect(tags["EXIF:DateTimeOriginal"] as? String == "2026:01:02 03:04:05" && "\(tags["EXIF:ISO"] ?? "")" == "200")
    #expect((tags["XMP:Title"] as? String == "open") != hasXMPPosition)
    #expect(
      hasXMPPosition
        == prepared.notes.contains { $0.hasPrefix("XMP ") && $0.hasSuffix("cannot be kept and was left out") },
      "\(prepared.notes)")
  }

  /// The text chunks of a PNG that was prepared from a PNG with the given chunks.
  static func keptTexts(_ chunks: [PNGFile.Chunk], _ metadata: Recipe.MetadataHandling) throws -> [[UInt8]] {
    let image = try ImagePreparer().prepareBlocking(
      .memory(try LocationTests.png(chunks)),
      as: Recipe(size: .longestSide(16), output: .png(), metadata: metadata))
    return PNGFile(image.bytes).chunks.filter { ["tEXt", "zTXt", "iTXt"].contains($0.type) }.map(\.data)
  }

  @Test(
    "a text of a PNG that contains a position is left out, compressed or not", .sameOnEveryInstructionSet,
    arguments: ["tEXt", "zTXt", "iTXt", "iTXt+"])
  func positionInText(kind: String) throws {
    let position = LocationTests.text(kind, "Comment", Array("taken at latitude 48.2082".utf8))
    let title = LocationTests.text(kind, "Title", Array("a quiet lake".utf8))
    #expect(try Self.keptTexts([position, title], .keepWithoutGPS) == [title.data])
    #expect(try Self.keptTexts([position, title], .keep) == [position.data, title.data])
  }

  @Test(
    "all compressed texts together are searched up to 16 MiB, and later ones are left out",
    .sameOnEveryInstructionSet,
    .enabled(if: !OrientationCarrierTests.isDebug, "without optimization, the texts take half a minute"))
  func manyTexts() throws {
    let blanks = [UInt8](repeating: UInt8(ascii: " "), count: 10 << 20)
    let texts = ["Comment", "Title"].map { LocationTests.text("zTXt", $0, blanks) }
    let last = LocationTests.text("zTXt", "Author", Array("somebody".utf8))
    #expect(try Self.keptTexts(texts + [last], .keepWithoutGPS) == [texts[0].data])
    #expect(try Self.keptTexts(texts + [last], .keep) == [texts[0].data, texts[1].data, last.data])
  }

  /// A structure in which the GPS directory is within the photo directory, and the maker note exists twice. exiftool searches these places
  /// too.
  @Test("a position is taken out of every directory, and a comment that speaks of one is left out")
  func hiddenPositions() throws {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(value >> (8 * (count - 1 - $0)) & 255) }
    }
    func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: [UInt8]) -> [UInt8] {
      number(tag, 2) + number(type, 2) + number(count, 4) + value + [UInt8](repeating: 0, count: 4 - value.count)
    }
    // The first directory is at 8, with Make and the photo directory. The photo directory is at 38, with two maker notes and the GPS
    // directory, which is at 80.
    let first =
      number(2, 2) + entry(0x010F, 2, 4, Array("Cam\0".utf8)) + entry(0x8769, 4, 1, number(38, 4)) + number(0, 4)
    let photo =
      number(3, 2) + entry(0x8825, 4, 1, number(80, 4)) + entry(0x927C, 7, 4, Array("NOTE".utf8))
      + entry(0x927C, 7, 4, Array("TWIN".utf8)) + number(0, 4)
    let gps = number(1, 2) + entry(0x001D, 2, 4, Array("SEC\0".utf8)) + number(0, 4)
    let exif = Array("MM\0*".utf8) + number(8, 4) + first + photo + gps
    let content = Array("Exif\0\0".utf8) + exif
    let comment = Array("GPSLatitude=48.8584".utf8)
    var file = try Fixtures.bytes("jpeg/small-420.jpg")
    let segments =
      [0xFF, 0xE1, 0, UInt8(content.count + 2)] + content + [0xFF, 0xFE, 0, UInt8(comment.count + 2)] + comment
    file.insert(contentsOf: segments, at: 4 + Int(file[4]) << 8 + Int(file[5]))
    let prepared = try ImagePreparer().prepareBlocking(
      .memory(file), as: Recipe(size: .longestSide(32), metadata: .keepWithoutGPS))
    let bytes = Data(prepared.bytes)
    #expect(bytes.range(of: Data("Cam".utf8)) != nil, "the rest is kept")
    for secret in ["NOTE", "TWIN", "SEC", "Latitude"] {
      #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(secret)")
    }
  }
}
