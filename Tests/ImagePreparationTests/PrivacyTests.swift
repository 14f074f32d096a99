import Foundation
import ImagePreparation
import TestSupport
import Testing

/// What leaves, as exiftool sees it.
@Suite("Privacy")
struct PrivacyTests {
  /// Where Debian, MacPorts and Homebrew put it; Scripts/setup installs it.
  static let exiftool = ["/usr/bin/exiftool", "/opt/local/bin/exiftool", "/opt/homebrew/bin/exiftool"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  static func run(_ arguments: [String]) throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: try #require(exiftool))
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return data
  }

  /// Tags by `Group:Name`.
  static func tags(_ file: URL) throws -> [String: Any] {
    let objects = try JSONSerialization.jsonObject(with: run(["-json", "-G", "-a", file.path])) as? [[String: Any]]
    return try #require(objects?.first)
  }

  /// What describes pixels and the file itself.
  static let harmless: Set<String> = [
    "SourceFile", "JFIF:JFIFVersion", "JFIF:ResolutionUnit", "JFIF:XResolution", "JFIF:YResolution",
    "Composite:ImageSize", "Composite:Megapixels", "PNG:ImageWidth", "PNG:ImageHeight", "PNG:BitDepth", "PNG:ColorType",
    "PNG:Compression", "PNG:Filter", "PNG:Interlace", "PNG:SRGBRendering",
  ]

  @Test(
    "asked for, EXIF stays as exiftool wrote it, upright",
    .enabled(if: exiftool != nil, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: ["jpeg/small-420.jpg", "png/small-rgb8.png"], [Recipe.OutputFormat.jpeg, .png])
  func kept(_ name: String, _ format: Recipe.OutputFormat) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gesso-kept-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "source." + (name as NSString).pathExtension)
    try Data(try Fixtures.bytes(name)).write(to: source)
    let written = [
      "EXIF:Make": "Camera", "EXIF:SerialNumber": "12-34", "EXIF:Copyright": "somebody", "EXIF:GPSLatitudeRef": "North",
      "EXIF:DateTimeOriginal": "2026:01:02 03:04:05",
    ]
    _ = try Self.run(
      ["-q", "-overwrite_original", "-n", "-Orientation=6", "-GPSLatitudeRef=N", "-XMP-dc:Title=secret"]
        + written.filter { $0.key != "EXIF:GPSLatitudeRef" }.map { "-\($0.key)=\($0.value)" } + [source.path])
    var recipe = Recipe()
    (recipe.metadata, recipe.format, recipe.maxSide) = (.keep, format, 100)
    let prepared = try ImagePreparer().prepare(.file(source.path), recipe: recipe)
    #expect(prepared.source.orientation == .turnRight && prepared.size.width < prepared.size.height)
    #expect(prepared.notes.contains("kept GPS") && prepared.notes.contains { $0.hasPrefix("XMP cannot be kept") })
    let output = folder.appending(path: "output." + format.rawValue)
    try Data(prepared.bytes).write(to: output)
    let tags = try Self.tags(output)
    #expect(tags["EXIF:Orientation"] as? String == "Horizontal (normal)")
    for (tag, value) in written { #expect(tags[tag] as? String == value, "\(tag)") }
    #expect(tags.keys.allSatisfy { !$0.hasPrefix("XMP") } && tags["ExifTool:Warning"] == nil)
    #expect(try ImagePreparer().pixels(of: .memory(prepared.bytes)).size == prepared.size)
  }

  @Test(
    "exiftool finds nothing but pixels in any output",
    .enabled(if: exiftool != nil, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: ["jpeg/small-420.jpg", "jpeg/icc-display-p3.jpg", "png/metadata.png", "png/small-rgb16.png"],
    [Recipe.OutputFormat.jpeg, .png])
  func nothingLeaves(_ name: String, _ format: Recipe.OutputFormat) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gesso-privacy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appending(path: "source." + (name as NSString).pathExtension)
    try Data(try Fixtures.bytes(name)).write(to: source)
    // exiftool writes what a camera and its owner would.
    _ = try Self.run([
      "-q", "-overwrite_original", "-Make=Secret", "-SerialNumber=SECRET-1", "-LensSerialNumber=SECRET-2",
      "-OwnerName=Secret", "-GPSLatitude=42.9", "-GPSLatitudeRef=N", "-GPSLongitude=2.4", "-GPSLongitudeRef=W",
      "-ImageUniqueID=SECRET", "-UserComment=secret", "-XMP-dc:Title=secret", "-XMP-exif:GPSLatitude=42.9",
      "-ThumbnailImage<=\(Fixtures.path("jpeg/1x1.jpg"))", "-Comment=secret", source.path,
    ])
    let before = try Self.tags(source)
    #expect(before.keys.contains { $0.contains("GPS") } && before.keys.contains { $0.contains("SerialNumber") })

    var recipe = Recipe()
    (recipe.format, recipe.maxSide) = (format, 100)
    let prepared = try ImagePreparer().prepare(.file(source.path), recipe: recipe)
    #expect(prepared.notes.contains("stripped GPS"))
    let output = folder.appending(path: "output." + format.rawValue)
    try Data(prepared.bytes).write(to: output)
    let found = try Self.tags(output).keys.filter {
      !$0.hasPrefix("File:") && !$0.hasPrefix("ExifTool:") && !Self.harmless.contains($0)
    }
    #expect(found.isEmpty, "\(found)")
    // A comment is a tag of the file for exiftool, and bytes are bytes.
    #expect(try Self.tags(output)["File:Comment"] == nil)
    #expect(Data(prepared.bytes).range(of: Data("ecret".utf8)) == nil)
    #expect(Data(prepared.bytes).range(of: Data("SECRET".utf8)) == nil)

    recipe.profile = .keep
    let kept = try ImagePreparer().prepare(.file(source.path), recipe: recipe)
    try Data(kept.bytes).write(to: output)
    let groups = Set(try Self.tags(output).keys.map { $0.prefix { $0 != ":" } })
    #expect(groups.contains("ICC_Profile") == (prepared.source.iccProfile != nil))
    #expect(groups.isDisjoint(with: ["EXIF", "XMP", "IPTC", "MakerNotes", "MPF", "Photoshop"]))
  }
}
