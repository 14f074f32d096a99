import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Colors that a file declares without a profile. Tags are compared with exiftool's reading, and pixels with lcms2 in double precision.
@Suite("Colors declared outside of profiles")
struct DeclaredColorTests {
  /// The tags of EXIF that declare colors.
  struct Tags: Sendable, CustomTestStringConvertible {
    var colorSpace: Int?
    var index: String?
    var gamma: (Int, Int)?
    var white: [(Int, Int)]?
    var primaries: [(Int, Int)]?
    var testDescription: String {
      "ColorSpace \(colorSpace ?? -1), index \(index ?? "-"), gamma \(gamma?.0 ?? -1), \(primaries?.count ?? 0) chromaticities"
    }

    /// A TIFF structure with these tags in their directories.
    var tiff: [UInt8] {
      func bytes(_ numbers: [(Int, Int)]) -> [UInt8] {
        numbers.flatMap { PNGFile.bigEndian(UInt32($0.0)) + PNGFile.bigEndian(UInt32($0.1)) }
      }
      let interoperability = index.map { Directory([(1, 2, $0.utf8.count + 1, .bytes(Array($0.utf8) + [0]))]) }
      var photo: [Directory.Entry] = []
      if let colorSpace {
        photo.append((0xA001, 3, 1, .bytes([UInt8(colorSpace >> 8), UInt8(colorSpace & 255)])))
      }
      if let interoperability { photo.append((0xA005, 4, 1, .directory(interoperability))) }
      if let gamma { photo.append((0xA500, 5, 1, .bytes(bytes([gamma])))) }
      var first: [Directory.Entry] = []
      if let white { first.append((0x013E, 5, white.count, .bytes(bytes(white)))) }
      if let primaries { first.append((0x013F, 5, primaries.count, .bytes(bytes(primaries)))) }
      if !photo.isEmpty { first.append((0x8769, 4, 1, .directory(Directory(photo)))) }
      return [0x4D, 0x4D, 0, 42, 0, 0, 0, 8] + Directory(first).encoded(at: 8)
    }
  }

  /// A directory of TIFF, with the values of its entries after it.
  indirect enum Value {
    case bytes([UInt8])
    case directory(Directory)
  }

  struct Directory {
    typealias Entry = (tag: Int, type: UInt8, count: Int, value: Value)
    let entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    func encoded(at offset: Int) -> [UInt8] {
      var behind: [UInt8] = []
      var written: [UInt8] = [0, UInt8(entries.count)]
      let start = offset + 2 + 12 * entries.count + 4
      for (tag, type, count, value) in entries {
        written += [UInt8(tag >> 8), UInt8(tag & 255), 0, type] + PNGFile.bigEndian(UInt32(count))
        let place = start + behind.count
        switch value {
        case .bytes(let bytes) where bytes.count <= 4:
          written += bytes + [UInt8](repeating: 0, count: 4 - bytes.count)
          continue
        case .bytes(let bytes): behind += bytes
        case .directory(let directory): behind += directory.encoded(at: place)
        }
        written += PNGFile.bigEndian(UInt32(place))
        if behind.count % 2 == 1 { behind.append(0) }
      }
      return written + [0, 0, 0, 0] + behind
    }
  }

  static let white = [(3_127, 10_000), (3_290, 10_000)]
  static let adobePrimaries = [(64, 100), (33, 100), (21, 100), (71, 100), (15, 100), (6, 100)]
  static let srgbPrimaries = [(64, 100), (33, 100), (30, 100), (60, 100), (15, 100), (6, 100)]
  static let p3Primaries = [(680, 1_000), (320, 1_000), (265, 1_000), (690, 1_000), (150, 1_000), (60, 1_000)]

  static func chromaticities(_ xy: [(Int, Int)]) -> PNGColor.Chromaticities {
    let points = (white + xy).map { Double($0.0) / Double($0.1) }
    func point(_ i: Int) -> PNGColor.Chromaticity { .init(points[i], points[i + 1]) }
    return PNGColor.Chromaticities(white: point(0), red: point(2), green: point(4), blue: point(6))
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let tags: Tags
    let declaration: EXIFColor.Declaration?
    var testDescription: String { tags.testDescription }
  }

  static let cases: [Case] = [
    Case(tags: Tags(colorSpace: 1), declaration: .srgb),
    Case(tags: Tags(colorSpace: 2), declaration: .adobeRGB),
    Case(tags: Tags(colorSpace: 65_535, index: "R03"), declaration: .adobeRGB),
    Case(tags: Tags(index: "R03"), declaration: .adobeRGB),
    Case(tags: Tags(colorSpace: 65_535), declaration: nil),
    Case(tags: Tags(colorSpace: 65_535, index: "R98"), declaration: .srgb),
    Case(
      tags: Tags(colorSpace: 1, index: "R98", gamma: (22, 10), white: white, primaries: srgbPrimaries),
      declaration: .srgb),
    Case(tags: Tags(colorSpace: 1, index: "R03"), declaration: .srgb),
    Case(tags: Tags(colorSpace: 2, index: "R98"), declaration: .adobeRGB),
    Case(
      tags: Tags(colorSpace: 65_535, gamma: (22, 10), white: white, primaries: adobePrimaries), declaration: .adobeRGB),
    Case(tags: Tags(white: white, primaries: adobePrimaries), declaration: .adobeRGB),
    Case(tags: Tags(gamma: (22, 10), white: white, primaries: srgbPrimaries), declaration: .srgb),
    Case(
      tags: Tags(colorSpace: 65_535, gamma: (1, 1), white: white, primaries: p3Primaries),
      declaration: .described(DescribedColorSpace(chromaticities: chromaticities(p3Primaries), transfer: .power(1)))),
    Case(
      tags: Tags(gamma: (18, 10)), declaration: .described(DescribedColorSpace(transfer: .power(1 / (1 / 1.8))))),
    // These tags have no meaning.
    Case(tags: Tags(colorSpace: 65_535, gamma: (22, 0)), declaration: nil),
    Case(
      tags: Tags(colorSpace: 65_535, white: white, primaries: Array(p3Primaries.prefix(4))), declaration: nil),
    Case(tags: Tags(), declaration: nil),
  ]

  @Test("the color space that EXIF declares follows from its tags", arguments: cases)
  func declared(_ example: Case) { #expect(EXIFColor(example.tags.tiff)?.declaration == example.declaration) }

  @Test(
    "the values are those that exiftool reads",
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"),
    arguments: cases)
  func values(_ example: Case) throws {
    let file = TestFolder.url.appending(path: "gesso-color-\(UUID().uuidString).jpg")
    defer { try? FileManager.default.removeItem(at: file) }
    let segment = OrientationCarrierTests.exif(example.tags.tiff)
    let bytes = JPEGFile(try Fixtures.bytes("jpeg/small-444.jpg")).inserting([segment])
    try Data(bytes).write(to: file)
    let printed = try ExifTool.run(["-n", "-json", "-G0", file.path])
    let tags = try #require((try JSONSerialization.jsonObject(with: printed) as? [[String: Any]])?.first)
    let color = try ImagePreparer().inspectBlocking(.memory(bytes)).exifColor
    #expect(tags["EXIF:ColorSpace"] as? Int == color?.colorSpace)
    #expect(tags["EXIF:InteropIndex"] as? String == color?.interoperability)
    if let gamma = tags["EXIF:Gamma"] as? Double { #expect(gamma == color?.gamma) }
    guard let expected = tags["EXIF:PrimaryChromaticities"] as? String, let found = color?.chromaticities else {
      #expect(color?.chromaticities == nil)
      return
    }
    let primaries = [found.red, found.green, found.blue].flatMap { [$0.x, $0.y] }
    #expect(expected.split(separator: " ").map { Double($0) } == primaries)
    #expect(
      (tags["EXIF:WhitePoint"] as? String)?.split(separator: " ").map { Double($0) } == [found.white.x, found.white.y])
  }

  @Test(
    "a stripped file keeps the gamma and the chromaticities that only its EXIF declares",
    arguments: [
      Tags(colorSpace: 65_535, gamma: (18, 10), white: white, primaries: p3Primaries), Tags(gamma: (18, 10)),
      Tags(white: white, primaries: p3Primaries), Tags(primaries: p3Primaries),
    ])
  func stripped(tags: Tags) throws {
    let segment = OrientationCarrierTests.exif(tags.tiff)
    let file = JPEGFile(try Fixtures.bytes("jpeg/small-444.jpg")).inserting([segment])
    let preparer = ImagePreparer()
    let stripped = try preparer.strippedBlocking(.memory(file)).bytes
    let declaration = try preparer.inspectBlocking(.memory(file)).exifColor?.declaration
    #expect(try preparer.inspectBlocking(.memory(stripped)).exifColor?.declaration == declaration)
    #expect(declaration != nil && declaration != .srgb)
    let pixels = try [file, stripped].map { try preparer.pixelsBlocking(of: .memory($0)) }
    #expect(pixels[0] == pixels[1])
  }

  @Test("any damage of the structure is survived, and a cut never invents a declaration")
  func damaged() {
    let tiff = Tags(colorSpace: 65_535, index: "R03", gamma: (22, 10), white: Self.white, primaries: Self.p3Primaries)
      .tiff
    var random = SplitMix64(seed: 5)
    for count in 0..<tiff.count { _ = EXIFColor(Array(tiff.prefix(count))) }
    for _ in 0..<5_000 {
      var bytes = tiff
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = EXIFColor(bytes)?.declaration
    }
    #expect(EXIFColor(Array(tiff.prefix(9))) == nil)
  }

  /// A PNG of noise with these chunks, and its samples.
  static func noise(channels: Int = 3, _ chunks: [PNGFile.Chunk]) -> (file: [UInt8], samples: [UInt8]) {
    let size = ImageSize(width: 40, height: 40)
    var random = SplitMix64(seed: 11)
    let samples = (0..<size.pixelCount * channels).map { _ in UInt8.random(in: 0...255, using: &random) }
    let sides = PNGFile.bigEndian(UInt32(size.width)) + PNGFile.bigEndian(UInt32(size.height))
    var rows: [UInt8] = []
    for y in 0..<size.height { rows += [0] + samples[y * size.width * channels..<(y + 1) * size.width * channels] }
    let header: [UInt8] = sides + [8, channels == 3 ? 2 : 0, 0, 0, 0]
    let chunks = [("IHDR", header)] + chunks + [("IDAT", GeneratedPNG.deflate(rows, level: 1)), ("IEND", [])]
    return (PNGFile(chunks: chunks).bytes, samples)
  }

  /// The colors that lcms2 makes of samples of a space in double precision, in levels of 255.
  static func converted(_ samples: [UInt8], from space: DescribedColorSpace) -> [Double] {
    guard let context = ColorContext(), let source = ColorProfile(space, channels: .rgb, context),
      let target = ColorProfile(sRGB: context),
      let exact = ColorTransform(context, from: source, channels: .rgb, to: target)
    else {
      Issue.record("lcms2 makes no transform")
      return []
    }
    return exact.converted(samples.map { Double($0) / 255 }).map { min(max($0, 0), 1) * 255 }
  }

  static let adobe = DescribedColorSpace(chromaticities: chromaticities(adobePrimaries), transfer: .power(563.0 / 256))

  @Test(
    "pixels are those of lcms2 in double precision",
    arguments: [
      (Tags(colorSpace: 65_535, index: "R03"), adobe), (Tags(colorSpace: 2), adobe),
      (Tags(gamma: (22, 10), white: white, primaries: adobePrimaries), adobe),
      (
        Tags(colorSpace: 65_535, gamma: (18, 10), white: white, primaries: p3Primaries),
        DescribedColorSpace(chromaticities: chromaticities(p3Primaries), transfer: .power(1.8))
      ),
    ])
  func pixels(_ tags: Tags, _ space: DescribedColorSpace) throws {
    let (file, samples) = Self.noise([("eXIf", tags.tiff)])
    let expected = Self.converted(samples, from: space)
    let image = try ImagePreparer().pixelsBlocking(of: .memory(file))
    try #require(image.samples.count == expected.count)
    // 0.5 is the rounding, and 0.1 level is allowed beyond it.
    for (sample, color) in zip(image.samples, expected) { #expect(abs(Double(sample) - color) <= 0.6) }
    let kept = try ImagePreparer().prepareBlocking(
      .memory(file), as: Recipe(samples: .color(profile: .keep), output: .png()))
    #expect(kept.bytes.count > 0 && kept.notes == [])
    // The numbers in a profile have only 16 fraction bits.
    #expect(PreparationTests.distance(try ImagePreparer().pixelsBlocking(of: .memory(kept.bytes)), image) < 0.01)
  }

  @Test("a photograph of a camera in Adobe RGB looks as with the profile")
  func photograph() throws {
    let recipe = Recipe(size: .longestSide(100))
    let declared = try ImagePreparer().prepareBlocking(.file(Fixtures.path("jpeg/dcf-adobe-rgb.jpg")), as: recipe)
    #expect(declared.notes.contains("converted from the Adobe RGB that its EXIF declares to sRGB, before the resize"))
    let pixels = try ["jpeg/dcf-adobe-rgb.jpg", "jpeg/icc-adobe-rgb.jpg", "jpeg/small-444.jpg"].map {
      try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path($0)), as: recipe)
    }
    #expect(PreparationTests.distance(pixels[0], pixels[1]) < 0.2)
    #expect(PreparationTests.distance(pixels[0], pixels[2]) < 1.5)
  }

  struct Precedence: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: [UInt8]
    /// The space that takes precedence; nil for sRGB.
    let space: DescribedColorSpace?
    let notes: [String]

    init(
      _ name: String, _ chunks: [PNGFile.Chunk], _ tags: Tags?, counts space: DescribedColorSpace?, notes: [String]
    ) {
      testDescription = name
      file = noise(chunks + (tags.map { [("eXIf", $0.tiff)] } ?? [])).file
      self.space = space
      self.notes = notes
    }
  }

  static func iccp(_ name: String) -> PNGFile.Chunk {
    ("iCCP", Array("p".utf8) + [0, 0] + GeneratedPNG.deflate(try! Fixtures.bytes("icc/\(name).icc"), level: 6))
  }
  static let gama18: PNGFile.Chunk = ("gAMA", PNGFile.bigEndian(55_556))
  static let cicpP3: PNGFile.Chunk = ("cICP", [12, 13, 0, 1])
  static let p3 = DescribedColorSpace(chromaticities: DescribedColorSpace.displayP3, transfer: .srgb)
  static let orders = [
    Precedence(
      "EXIF alone", [], Tags(colorSpace: 2), counts: adobe,
      notes: ["converted from the Adobe RGB that its EXIF declares to sRGB, before the resize"]),
    Precedence("EXIF of sRGB", [], Tags(colorSpace: 1), counts: nil, notes: []),
    Precedence(
      "EXIF against itself", [], Tags(colorSpace: 1, index: "R03"), counts: nil,
      notes: ["its EXIF declares both sRGB and, by its index of interoperability, Adobe RGB; sRGB was believed"]),
    Precedence(
      "EXIF of no space", [], Tags(colorSpace: 65_535), counts: nil, notes: []),
    Precedence(
      "sRGB chunk and EXIF", [("sRGB", [0])], Tags(colorSpace: 2), counts: nil,
      notes: ["the color space of the sRGB chunk was believed, not the Adobe RGB of its EXIF"]),
    Precedence("sRGB chunk and EXIF of no space", [("sRGB", [0])], Tags(colorSpace: 65_535), counts: nil, notes: []),
    Precedence(
      "profile and EXIF of sRGB", [iccp("DisplayP3-v4")], Tags(colorSpace: 1), counts: p3,
      notes: [
        "the color space of the embedded profile was believed, not the sRGB of its EXIF", "converted from sP3 to sRGB",
      ]),
    Precedence(
      "profile of sRGB and EXIF", [iccp("sRGB-v4")], Tags(colorSpace: 2), counts: nil,
      notes: ["the color space of the embedded profile was believed, not the Adobe RGB of its EXIF"]),
    Precedence(
      "cICP before all", [cicpP3, iccp("sRGB-v4")], Tags(colorSpace: 1), counts: p3,
      notes: [
        "the color space of the cICP chunk was believed, not the sRGB of its EXIF",
        "converted from the color space of its cICP chunk to sRGB",
      ]),
    Precedence(
      "gAMA and EXIF", [gama18], Tags(colorSpace: 1), counts: DescribedColorSpace(transfer: .power(1.8)),
      notes: [
        "the color space of its gAMA and cHRM chunks was believed, not the sRGB of its EXIF",
        "converted from the colors of its gAMA and cHRM chunks to sRGB, before the resize",
      ]),
  ]

  @Test("the first usable description counts, and EXIF that disagrees is noted", arguments: orders)
  func precedence(_ example: Precedence) throws {
    let prepared = try ImagePreparer().prepareBlocking(.memory(example.file), as: Recipe(output: .png()))
    #expect(prepared.notes == example.notes)
    let stored = Self.noise([]).samples
    let expected = example.space.map { Self.converted(stored, from: $0) } ?? stored.map { Double($0) }
    let image = try ImagePreparer().pixelsBlocking(of: .memory(example.file))
    for (sample, color) in zip(image.samples, expected) { #expect(abs(Double(sample) - color) <= 0.65) }
  }

  // MARK: Profiles for other channels

  /// A gray JPEG with a profile.
  static func gray(_ profile: String) throws -> [UInt8] {
    let data = Array("ICC_PROFILE\0".utf8) + [1, 1] + (try Fixtures.bytes("icc/\(profile).icc"))
    return JPEGFile(try Fixtures.bytes("jpeg/small-gray.jpg")).inserting([(0xE2, data)])
  }

  @Test("a gray image takes the tone curve of an RGB profile", arguments: ["sRGB-v4", "AdobeCompat-v4", "ProPhoto-v4"])
  func toneCurve(_ profile: String) throws {
    let source = ImageSource.memory(try Self.gray(profile))
    let recipe = Recipe(size: .original)
    let stored = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("jpeg/small-gray.jpg")), as: recipe)
    let image = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
    #expect(image.channels == 1)
    guard let context = ColorContext(),
      let rgb = ColorProfile(bytes: try Fixtures.bytes("icc/\(profile).icc"), context),
      let target = ColorProfile(sRGB: context),
      let exact = ColorTransform(context, from: rgb, channels: .rgb, to: target)
    else {
      Issue.record("lcms2 makes no transform")
      return
    }
    let expected = exact.converted(stored.samples.flatMap { [Double($0), Double($0), Double($0)] }.map { $0 / 255 })
    for (i, sample) in image.samples.enumerated() { #expect(abs(Double(sample) - expected[i * 3 + 1] * 255) <= 0.7) }
    let note = "the embedded color profile is for RGB, and the image is gray: only its tone curve was used"
    #expect(try ImagePreparer().prepareBlocking(source).notes.contains(note))
  }

  @Test("kept, a profile for other channels is left out with a note", arguments: [Recipe.Output.png(), .jpeg()])
  func keepsNone(_ output: Recipe.Output) throws {
    let recipe = Recipe(samples: .color(profile: .keep), output: output)
    for profile in ["sRGB-v4", "AdobeCompat-v4"] {
      let prepared = try ImagePreparer().prepareBlocking(.memory(try Self.gray(profile)), as: recipe)
      #expect(prepared.notes.contains { $0.contains("is for RGB, and the image is gray") }, "\(prepared.notes)")
      #expect(try ImagePreparer().inspectBlocking(.memory(prepared.bytes)).iccProfile == nil)
    }
  }

  @Test(
    "a profile without a use is ignored with its reason",
    arguments: [
      ("jpeg/small-444.jpg", "sGrey-v4", "is for gray, and the image is RGB, and was ignored"),
      ("jpeg/small-cmyk.jpg", "sRGB-v4", "is for RGB, and the image is CMYK, and was ignored"),
      ("jpeg/small-444.jpg", "CGATS001Compat-v2-micro", "is for CMYK, and the image is RGB, and was ignored"),
      ("jpeg/small-gray.jpg", "CGATS001Compat-v2-micro", "is for CMYK, and the image is gray, and was ignored"),
    ])
  func otherChannels(_ file: String, _ profile: String, _ note: String) throws {
    let data = Array("ICC_PROFILE\0".utf8) + [1, 1] + (try Fixtures.bytes("icc/\(profile).icc"))
    let source = ImageSource.memory(JPEGFile(try Fixtures.bytes(file)).inserting([(0xE2, data)]))
    let plain = ImageSource.file(Fixtures.path(file))
    for recipe in [Recipe(output: .png()), Recipe(samples: .color(profile: .keep), output: .png())] {
      let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
      #expect(prepared.notes.contains { $0.contains(note) }, "\(prepared.notes)")
      let expected = try ImagePreparer().pixelsBlocking(of: plain)
      #expect(try ImagePreparer().pixelsBlocking(of: source, as: recipe).samples == expected.samples)
      #expect(try ImagePreparer().inspectBlocking(.memory(prepared.bytes)).iccProfile == nil)
    }
  }
}
