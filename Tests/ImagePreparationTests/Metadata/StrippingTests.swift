import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Metadata are removed without encoding the image again: the pixels stay the same, and nothing else is left.
@Suite("Stripping")
struct StrippingTests {
  static let files = ["jpeg", "jpeg/orientation", "png", "upright", "color", "kinds/webp"].flatMap { folder in
    ((try? CorruptReplayTests.files(folder, prefix: "")) ?? []).filter {
      $0.hasSuffix(".jpg") || $0.hasSuffix(".png") || $0.hasSuffix(".webp")
    }
  }.filter { !large.contains($0) }
  /// In a debug build each of these files takes seconds, and there are smaller files of the same kinds.
  static let large: Set = ["jpeg/forest.jpg", "jpeg/mountain-444.jpg", "jpeg/meadow-progressive.jpg"]

  @Test("pixels, colors and orientation stay the same", .sameOnEveryInstructionSet)
  func samePixels() throws {
    #expect(Self.files.count > 60)
    let preparer = ImagePreparer()
    var compared = 0
    for file in Self.files {
      let source = ImageSource.memory(try Fixtures.bytes(file))
      // A file that is not whole, or of a variety that cannot be decoded, is skipped.
      guard let pixels = try? preparer.pixelsBlocking(of: source) else { continue }
      let stripped = try preparer.strippedBlocking(source)
      #expect(try preparer.pixelsBlocking(of: .memory(stripped.bytes)) == pixels, "\(file)")
      let description = try preparer.inspectBlocking(.memory(stripped.bytes))
      let before = try preparer.inspectBlocking(source)
      #expect(
        description.orientation == before.orientation && description.iccProfileName == before.iccProfileName, "\(file)")
      #expect(
        !description.hasGPS && !description.hasXMP && !description.hasText && !description.hasPlaceName, "\(file)")
      #expect(description.hasEXIF == false || before.hasEXIF || before.orientation != .upright, "\(file)")
      compared += 1
      // The second stripping finds nothing to remove, so its output is the same.
      let again = try preparer.strippedBlocking(.memory(stripped.bytes))
      #expect(again.bytes == stripped.bytes, "\(file)")
    }
    #expect(compared > 60, "\(compared) of \(Self.files.count) files")
  }

  @Test(
    "chunks of a WebP are found in an odd order, in a frame, and behind the fields of another chunk"
  )
  func oddChunks() throws {
    func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
      let count = (0..<4).map { UInt8(truncatingIfNeeded: content.count >> (8 * $0)) }
      return Array(name.utf8) + count + content + (content.count % 2 == 1 ? [0] : [])
    }
    func file(_ chunks: [UInt8]...) -> [UInt8] {
      Array("RIFF".utf8) + chunk("", Array("WEBP".utf8) + chunks.flatMap(\.self))
    }
    let image = Array(try Fixtures.bytes("kinds/webp/lossy-q30-pillow.webp").dropFirst(12))
    let header: [UInt8] = [0x08, 0, 0, 0, 52, 0, 0, 30, 0, 0]
    let exif = chunk("EXIF", Self.turned)
    let preparer = ImagePreparer()
    // The header with the orientation flag comes after the image.
    let late = try preparer.strippedBlocking(.memory(file(image, exif, chunk("VP8X", header))))
    #expect(late.bytes.dropFirst(12).starts(with: "VP8X".utf8))
    #expect(try preparer.inspectBlocking(.memory(late.bytes)).orientation == .turnRight)

    let frame: [UInt8] = [0, 0, 0, 0, 0, 0, 52, 0, 0, 30, 0, 0, 100, 0, 0, 0]
    let animation = chunk("ANMF", frame + image + chunk("NOTE", Array("secret".utf8)))
    let fields = [
      chunk("VP8X", [0x0A] + header.dropFirst() + Array("secret".utf8)), chunk("ANIM", [0, 0, 0, 0, 0, 0]),
    ]
    let whole = file(fields[0], fields[1], animation, exif)
    let stripped = try preparer.strippedBlocking(.memory(whole))
    #expect(Data(stripped.bytes).range(of: Data("secret".utf8)) == nil)
    #expect(stripped.removed == ["the chunk NOTE", "EXIF"])
    #expect(
      try preparer.pixelsBlocking(of: .memory(stripped.bytes)) == preparer.pixelsBlocking(of: .memory(whole)))
    #expect(throws: PreparationError.self) { try preparer.strippedBlocking(.memory(file(animation, exif))) }
  }

  /// EXIF of an image that is to be turned.
  private static let turned: [UInt8] = {
    let entry: [UInt8] = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]
    return Array("MM\0*".utf8) + [0, 0, 0, 8, 0, 1] + entry + [0, 0, 0, 0]
  }()

  @Test(
    "exiftool finds nothing but pixels, color and orientation", .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: [
      "jpeg/icc-display-p3.jpg", "png/small-rgb16.png", "kinds/webp/profile-orientation6-pillow.webp",
    ])
  func nothingLeaves(name: String) throws {
    let folder = TestFolder.url.appending(path: "gesso-strip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "file." + (name as NSString).pathExtension)
    try Data(try Fixtures.bytes(name)).write(to: file)
    _ = try ExifTool.run([
      "-q", "-overwrite_original", "-n", "-Orientation=6", "-Make=Secret", "-SerialNumber=SECRET-1",
      "-GPSLatitude=42.9",
      "-GPSLatitudeRef=N", "-IPTC:City=Secret", "-XMP-dc:Title=secret", "-XMP-exif:GPSLatitude=42.9",
      "-ThumbnailImage<=\(Fixtures.path("jpeg/1x1.jpg"))", "-Comment=secret", file.path,
    ])
    let before = try PrivacyTests.tags(file)
    #expect(before.keys.contains { $0.contains("GPS") } && before.keys.contains { $0.contains("SerialNumber") })
    let source = ImageSource.memory([UInt8](try Data(contentsOf: file)) + Array("secret".utf8))

    let stripped = try ImagePreparer().strippedBlocking(source)
    #expect(Data(stripped.bytes).range(of: Data("ecret".utf8)) == nil)
    #expect(Data(stripped.bytes).range(of: Data("SECRET".utf8)) == nil)
    #expect(stripped.removed.contains("EXIF") && stripped.removed.last == "what follows the image (6 bytes)")
    try Data(stripped.bytes).write(to: file)
    let tags = try PrivacyTests.tags(file)
    #expect(tags["EXIF:Orientation"] as? String == "Rotate 90 CW" && tags["ExifTool:Warning"] == nil)
    let metadata = tags.keys.filter { key in
      ["EXIF:", "XMP:", "IPTC:", "MakerNotes:", "Photoshop:"].contains(where: key.hasPrefix)
    }
    #expect(metadata == ["EXIF:Orientation"], "\(metadata)")
    #expect(
      tags.keys.contains { $0.hasPrefix("ICC_Profile:") } == before.keys.contains { $0.hasPrefix("ICC_Profile:") })

    let bare = try ImagePreparer().strippedBlocking(source, keepsLook: false)
    try Data(bare.bytes).write(to: file)
    let left = try PrivacyTests.tags(file).keys.filter { $0.hasPrefix("EXIF:") || $0.hasPrefix("ICC_Profile:") }
    #expect(left.isEmpty, "\(left)")
  }

  @Test("Adobe RGB that only EXIF declares stays declared", arguments: ["jpeg/dcf-adobe-rgb.jpg"])
  func declaredColor(name: String) throws {
    let stripped = try ImagePreparer().strippedBlocking(.memory(try Fixtures.bytes(name)))
    let description = try ImagePreparer().inspectBlocking(.memory(stripped.bytes))
    #expect(description.hasEXIF && stripped.removed.contains("EXIF"))
    #expect(
      try ImagePreparer().prepareBlocking(.memory(stripped.bytes)).notes.contains { $0.contains("Adobe RGB") })
  }

  @Test(
    "a file that is cut anywhere is refused, or was whole before the cut",
    arguments: ["jpeg/small-progressive.jpg", "jpeg/phone.jpg", "png/metadata.png"])
  func cuts(name: String) throws {
    let file = try Fixtures.bytes(name)
    let whole = try ImagePreparer().strippedBlocking(.memory(file)).bytes
    for count in stride(from: 0, to: file.count, by: max(1, file.count / 300)) {
      guard let stripped = try? ImagePreparer().strippedBlocking(.memory(Array(file.prefix(count)))) else { continue }
      #expect(stripped.bytes == whole, "\(count) of \(file.count) bytes")
    }
  }

  /// A segment with a text, by its marker. It is before the first scan, or before the end of the file.
  @Test(
    "no segment carries a text out",
    arguments: [0xE0, 0xE2, 0xEE, 0xEF, 0xF0, 0x02, 0xDE, 0xDC, 0xC1, 0xFE] as [UInt8], [false, true])
  func smuggled(marker: UInt8, isBehindScan: Bool) throws {
    let preparer = ImagePreparer()
    let file = try Fixtures.bytes("jpeg/small-420.jpg")
    let beginnings: [UInt8: String] = [0xE0: "JFIF\0123456789", 0xE2: "ICC_PROFILE\0\u{1}\u{1}", 0xEE: "Adobe1234567"]
    let content = Array((beginnings[marker, default: ""] + "SECRET").utf8)
    let segment = [0xFF, marker, 0, UInt8(content.count + 2)] + content
    // Before the scan, decoders treat a marker without a meaning, and a second frame header, as damage. These segments are therefore always
    // placed after the scan.
    let isBehindScan = isBehindScan || [0xF0, 0x02, 0xDE, 0xC1].contains(marker)
    let place = isBehindScan ? file.count - 2 : 2 + 2 + Int(file[4]) << 8 + Int(file[5])
    let stripped = try preparer.strippedBlocking(.memory(file[..<place] + segment + file[place...]))
    #expect(Data(stripped.bytes).range(of: Data("SECRET".utf8)) == nil && !stripped.removed.isEmpty)
    #expect(
      try preparer.pixelsBlocking(of: .memory(stripped.bytes)) == preparer.pixelsBlocking(of: .memory(file)))
  }

  @Test(
    "no chunk carries a text out, and thousands of them take no time",
    arguments: ["prIV", "CRIT", "sBIT", "pHYs", "fdAT", "iCCP"])
  func smuggledChunks(type: String) throws {
    let preparer = ImagePreparer()
    let plain = try Fixtures.bytes("png/small-rgb8.png")
    var file = PNGFile(plain)
    let end = file.chunks.count - 1
    file.chunks.insert((type, Array("SECRET device\0\0rest".utf8)), at: type == "iCCP" ? 1 : end)
    for number in 0..<20_000 {
      let letters = [UInt8(97 + number % 26), UInt8(97 + number / 26 % 26), 65, UInt8(97 + number / 676 % 26)]
      file.chunks.insert((String(decoding: letters, as: UTF8.self), []), at: file.chunks.count - 1)
    }
    let stripped = try preparer.strippedBlocking(.memory(file.bytes))
    #expect(Data(stripped.bytes).range(of: Data("SECRET".utf8)) == nil && stripped.removed.count <= 13)
    #expect(
      try preparer.pixelsBlocking(of: .memory(stripped.bytes)) == preparer.pixelsBlocking(of: .memory(plain)))
  }

  @Test("the name of a profile, which may be that of a device, is not kept")
  func profileName() throws {
    let preparer = ImagePreparer()
    var recipe = Recipe(output: .png())
    recipe.samples = .color(profile: .keep)
    let file = PNGFile(try preparer.prepareBlocking(.file(Fixtures.path("jpeg/icc-display-p3.jpg")), as: recipe).bytes)
    var named = file
    let index = try #require(file.chunks.firstIndex { $0.type == "iCCP" })
    named.chunks[index].data = Array("SECRET's screen".utf8) + file.chunks[index].data.drop { $0 != 0 }
    let stripped = try preparer.strippedBlocking(.memory(named.bytes))
    #expect(Data(stripped.bytes).range(of: Data("SECRET".utf8)) == nil)
    #expect(
      try preparer.inspectBlocking(.memory(stripped.bytes)).iccProfile
        == preparer.inspectBlocking(.memory(file.bytes)).iccProfile)
  }

  @Test("a pipe is refused, for stripping and for compositing")
  func pipes() throws {
    let pipe = Pipe()
    let source = ImageSource.descriptor(pipe.fileHandleForReading.fileDescriptor)
    let small = ImageSource.memory(try Fixtures.bytes("png/small-rgb8.png"))
    let record = try ImagePreparer().prepareBlocking(small).geometry
    for call in [
      { _ = try ImagePreparer().strippedBlocking(source) },
      { _ = try ImagePreparer().compositeBlocking(small, onto: source, by: record) },
    ] {
      let error = #expect(throws: PreparationError.self) { try call() }
      #expect(error?.code == .invalidRecipe && error?.message.contains("can be read only once") == true)
    }
  }

  @Test("corrupt files are copied or refused without a trap", .sameOnEveryInstructionSet)
  func corrupt() throws {
    for file in CorruptReplayTests.corrupt + CorruptReplayTests.odd {
      do throws(PreparationError) {
        _ = try ImagePreparer().strippedBlocking(.file(Fixtures.path(file)))
      } catch {
        #expect(!error.message.isEmpty && !error.remedy.isEmpty, "\(file)")
      }
    }
  }
}
