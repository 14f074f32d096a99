import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The kinds of source besides JPEG and PNG.
@Suite("Kinds of source")
struct KindTests {
  /// The files. Beside each file there is a PNG with its pixels, which another decoder wrote.
  static let files = ["bmp", "tga", "gif", "psd", "webp", "tiff"].flatMap { Fixtures.names(in: "kinds/\($0)") }
    .filter { !$0.hasSuffix(".png") && !$0.hasSuffix(".py") }

  /// The pixels of a file in upright orientation, as RGBA. The colors of transparent pixels are zero.
  static func pixels(
    _ source: ImageSource, policy: DamagePolicy = .truncated, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> [UInt8] {
    let recipe = Recipe(size: .original, samples: .color(profile: .ignore), output: .png(), failOn: policy)
    var raster = Raster(
      try ImagePreparer().pixelsBlocking(of: source, as: recipe, cancellation: cancellation)
    ).expandedToRGBA()
    for at in stride(from: 3, to: raster.bytes.count, by: 4) where raster.bytes[at] == 0 {
      for channel in 1...3 { raster.bytes[at - channel] = 0 }
    }
    return raster.bytes
  }

  @Test("there are files of every kind, and pixels for each")
  func complete() {
    let names = Set(Self.files.map { $0.split(separator: "/")[1] })
    let helped = Set(HelperKindTests.files.map { $0.split(separator: "/")[1] })
    let kinds = ImageDescription.Format.allCases.filter { $0 != .jpeg && $0 != .png }
    #expect(names.union(helped) == Set(kinds.map { Substring($0.rawValue) }))
  }

  @Test("pixels are those of another decoder", arguments: files)
  func pixels(file: String) throws {
    let expected = try Self.pixels(.file(Fixtures.path(String(file.prefix { $0 != "." }) + ".png")))
    let actual = try Self.pixels(.file(Fixtures.path(file)))
    try #require(actual.count == expected.count)
    let largest = zip(actual, expected).map { abs(Int($0) - Int($1)) }.max() ?? 0
    #expect(largest <= 1, "they differ by \(largest)")
  }

  @Test("a file through a pipe, and one in memory, have the pixels of a file on disk", arguments: files)
  func sources(file: String) throws {
    let expected = try Self.pixels(.file(Fixtures.path(file)))
    let bytes = try Fixtures.bytes(file)
    #expect(try Self.pixels(.memory(bytes)) == expected)
    let pipe = Pipe()
    // The file fits into the buffer of a pipe.
    try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
    try pipe.fileHandleForWriting.close()
    #expect(try Self.pixels(.descriptor(pipe.fileHandleForReading.fileDescriptor)) == expected)
  }

  @Test("a file that is cut anywhere is refused, and under `none` it is read as far as it goes", arguments: files)
  func cuts(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    let whole = try Self.pixels(.memory(bytes))
    var (refused, filled) = (0, 0)
    for cut in stride(from: 24, to: bytes.count, by: max(1, bytes.count / 20)) {
      let source = ImageSource.memory(Array(bytes.prefix(cut)))
      let error = failure { () throws(PreparationError) in try Self.pixels(source) }
      let kept = try? Self.pixels(source, policy: .none)
      guard let error else {
        // All pixels are complete, so the missing part is padding or a trailer.
        #expect(kept == whole, "cut at \(cut)")
        continue
      }
      refused += 1
      #expect(error.code == .truncated && error.stage == .decode, "cut at \(cut): \(error)")
      guard let kept else {
        #expect(error.message.contains("header"), "cut at \(cut): \(error)")
        continue
      }
      #expect(kept.count == whole.count, "cut at \(cut)")
      // A WebP may lack metadata or another frame, which come after the pixels; a TIFF may lack its profile, or the checksum of a strip.
      let lacksMore = file.contains("webp") || file.contains("tiff")
      #expect(error.message.contains("at row") && kept != whole || lacksMore, "cut at \(cut): \(error)")
      filled += 1
    }
    // Most writers of TIFF put the directory after the pixels.
    #expect(refused > 2 && (filled > 0 || file.contains("tiff")))
  }

  @Test("no bytes trap, whatever the policy is", arguments: files)
  func damage(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    var random = SplitMix64(seed: UInt64(bytes.count))
    for round in 0..<20 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        // Half of the changes are in the headers.
        let end = Bool.random(using: &random) ? min(140, bytes.count) : bytes.count
        damaged[.random(in: 0..<end, using: &random)] = .random(in: 0...255, using: &random)
      }
      let limits = Limits(maxPixels: 1 << 16, maxMemory: 64 << 20, threads: 1)
      let recipe = Recipe(size: .longestSide(16), failOn: DamagePolicy.allCases[round % 4])
      _ = try? ImagePreparer(limits: limits).prepareBlocking(.memory(damaged), as: recipe)
    }
  }

  @Test("canceled work ends", arguments: files)
  func canceled(file: String) {
    let flag = CancellationFlag()
    flag.cancel()
    let error = failure { () throws(PreparationError) in
      try Self.pixels(.file(Fixtures.path(file)), cancellation: flag)
    }
    #expect(error?.code == .canceled)
  }

  @Test("more pixels than allowed are refused before they are read", arguments: files)
  func tooManyPixels(file: String) {
    let error = failure { () throws(PreparationError) in
      try ImagePreparer(limits: Limits(maxPixels: 0)).pixelsBlocking(of: .file(Fixtures.path(file)))
    }
    #expect(error?.code == .tooManyPixels)
  }

  /// The description of a file by `inspect`.
  struct Header {
    let file: String
    let model: ImageDescription.ColorModel
    var alpha = false
    var orientation = Orientation.upright
    var profile: String?
    var bits = 8
    var isAnimated = false
  }

  @Test(
    "headers are described",
    arguments: [
      Header(file: "bmp/bits1.bmp", model: .palette, orientation: .flipped),
      Header(file: "bmp/rgb24-top-down.bmp", model: .rgb),
      Header(file: "bmp/v5-rgba32-magick.bmp", model: .rgb, alpha: true, orientation: .flipped),
      Header(file: "bmp/rgb32-unused-byte.bmp", model: .rgb, orientation: .flipped),
      Header(file: "bmp/v5-display-p3.bmp", model: .rgb, orientation: .flipped, profile: "sP3"),
      Header(file: "tga/top-left.tga", model: .rgb),
      Header(file: "tga/top-right.tga", model: .rgb, orientation: .mirrored),
      Header(file: "tga/bottom-left.tga", model: .rgb, orientation: .flipped),
      Header(file: "tga/bottom-right.tga", model: .rgb, orientation: .upsideDown),
      Header(file: "tga/attribute-bits-0.tga", model: .rgb),
      Header(file: "tga/rgba32-pillow.tga", model: .rgb, alpha: true, orientation: .flipped),
      Header(file: "tga/gray-alpha16-pillow.tga", model: .gray, alpha: true, orientation: .flipped),
      Header(file: "tga/palette8-from-40.tga", model: .palette),
      Header(file: "gif/palette-pillow.gif", model: .palette),
      Header(file: "gif/interlaced-pillow.gif", model: .palette),
      Header(file: "gif/frame-on-larger-screen-magick.gif", model: .palette, alpha: true),
      Header(file: "gif/animated-pillow.gif", model: .palette, isAnimated: true),
      Header(file: "gif/animated-magick.gif", model: .palette, isAnimated: true),
      Header(file: "gif/extensions.gif", model: .palette, profile: "sP3"),
      Header(file: "webp/lossy-q30-pillow.webp", model: .ycbcr),
      Header(file: "webp/lossy-alpha-pillow.webp", model: .ycbcr, alpha: true),
      Header(file: "webp/lossless-pillow.webp", model: .rgb),
      Header(file: "webp/lossless-alpha-magick.webp", model: .rgb, alpha: true),
      Header(
        file: "webp/profile-orientation6-pillow.webp", model: .ycbcr, orientation: .turnRight, profile: "sP3"),
      Header(file: "webp/animated-pillow.webp", model: .ycbcr, isAnimated: true),
      Header(file: "webp/frame-on-larger-canvas.webp", model: .ycbcr, alpha: true, isAnimated: true),
      Header(file: "tiff/rgb8-pillow.tif", model: .rgb), Header(file: "tiff/big-pillow.tif", model: .rgb),
      Header(file: "tiff/bits1-pillow.tif", model: .gray), Header(file: "tiff/gray4.tif", model: .gray, bits: 4),
      Header(file: "tiff/palette2.tif", model: .palette, bits: 2),
      Header(file: "tiff/rgba8-tiles-planes.tif", model: .rgb, alpha: true),
      Header(file: "tiff/rgb8-unspecified-channel.tif", model: .rgb),
      Header(file: "tiff/ycbcr-jpeg-pillow.tif", model: .ycbcr),
      Header(file: "tiff/float-gray.tif", model: .gray, bits: 32),
      Header(file: "tiff/rgba16-magick.tif", model: .rgb, alpha: true, bits: 16),
      Header(file: "tiff/orientation-5.tif", model: .rgb, orientation: Orientation(rawValue: 5)!),
      Header(file: "tiff/profile-orientation6-pillow.tif", model: .rgb, orientation: .turnRight, profile: "sP3"),
      Header(file: "psd/rgb8-packed.psd", model: .rgb), Header(file: "psd/rgb8-large.psb", model: .rgb),
      Header(file: "psd/gray16-large.psb", model: .gray, bits: 16),
      Header(file: "psd/rgb16-magick.psd", model: .rgb, bits: 16),
      Header(file: "psd/rgba8-blended.psd", model: .rgb, alpha: true), Header(file: "psd/indexed.psd", model: .palette),
      Header(file: "psd/rgb8-selection.psd", model: .rgb),
      Header(file: "psd/resources.psd", model: .rgb, orientation: .turnRight, profile: "sP3"),
    ])
  func header(header: Header) throws {
    let found = try ImagePreparer().inspectBlocking(.file(Fixtures.path("kinds/\(header.file)")))
    #expect(found.format.rawValue == header.file.prefix { $0 != "/" })
    #expect(found.storedSize == ImageSize(width: 53, height: 31))
    #expect(
      found.bitDepth == (header.file.contains("bits1") ? 1 : header.bits) && found.isAnimated == header.isAnimated)
    #expect(found.colorModel == header.model && found.hasAlpha == header.alpha)
    #expect(found.orientation == header.orientation && found.iccProfileName == header.profile)
  }

  @Test("an animation gives its first frame, with a note")
  func animation() throws {
    let source = ImageSource.file(Fixtures.path("kinds/gif/animated-magick.gif"))
    let image = try ImagePreparer().prepareBlocking(source, as: Recipe(size: .original))
    #expect(image.notes.contains("only the default image of the animation was taken"), "\(image.notes)")
  }

  @Test(
    "an embedded profile is applied",
    arguments: [
      "bmp/v5-display-p3.bmp", "gif/extensions.gif", "psd/resources.psd", "webp/profile-orientation6-pillow.webp",
      "tiff/profile-orientation6-pillow.tif",
    ])
  func profile(file: String) throws {
    let source = ImageSource.file(Fixtures.path("kinds/\(file)"))
    let image = try ImagePreparer().prepareBlocking(source, as: Recipe(size: .original))
    #expect(image.notes.contains { $0.contains("converted from") && $0.contains("to sRGB") }, "\(image.notes)")
  }

  @Test(
    "metadata that are too large to be read are found all the same",
    arguments: [
      "gif/extensions.gif", "psd/resources.psd", "tiff/metadata-exiftool.tif", "webp/profile-orientation6-pillow.webp",
      "webp",
    ])
  func largeMetadata(file: String) throws {
    var source = ImageSource.file(Fixtures.path("kinds/\(file)"))
    if file == "webp" {
      // The source for WebP has XMP as well.
      let metadata = ImageSource.file(Fixtures.path("kinds/tiff/metadata-exiftool.tif"))
      source = .memory(
        try ImagePreparer().prepareBlocking(metadata, as: Recipe(size: .original, output: .webp(), metadata: .keep))
          .bytes)
    }
    let whole = try ImagePreparer().inspectBlocking(source)
    let limited = try ImagePreparer(limits: Limits(maxMetadataBytes: 4)).inspectBlocking(source)
    #expect(whole.hasXMP || whole.hasEXIF)
    #expect(limited.hasXMP == whole.hasXMP && limited.hasEXIF == whole.hasEXIF && limited.xmp == nil)
    #expect(limited.hasGPS, "it may hold a position")
  }

  @Test("an image of transparent edges is trimmed")
  func trimming() throws {
    let source = ImageSource.file(Fixtures.path("kinds/gif/frame-on-larger-screen-magick.gif"))
    let image = try ImagePreparer().prepareBlocking(
      source, as: Recipe(size: .fitted(.init(.longestSide(31), trim: true))))
    #expect(image.size == ImageSize(width: 31, height: 19))
  }

  /// A number as bytes, with the most significant byte first.
  static func big(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * (bytes - 1 - $0))) }
  }

  /// A PSD or PSB of 2 by 1 pixels, with its table of colors, resources and layers.
  static func psd(
    mode: Int, depth: Int = 8, channels: [[UInt8]], colors: [UInt8] = [], resources: [UInt8] = [],
    layers: [UInt8] = [], isLarge: Bool = false
  ) -> [UInt8] {
    let sides = big(1, 4) + big(2, 4)
    let header = Array("8BPS".utf8) + big(isLarge ? 2 : 1, 2) + big(0, 6) + big(channels.count, 2) + sides
    let table = big(depth, 2) + big(mode, 2) + big(colors.count, 4) + colors
    return header + table + big(resources.count, 4) + resources + big(layers.count, isLarge ? 8 : 4) + layers
      + big(0, 2) + channels.flatMap(\.self)
  }

  /// An image resource of a PSD without a name.
  static func resource(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    Array("8BIM".utf8) + big(number, 2) + [0, 0] + big(content.count, 4) + content
      + [UInt8](repeating: 0, count: content.count % 2)
  }

  /// The layers of a PSD or PSB that has none in their usual place, but a mask of 2 bytes, and then blocks of additional information. The
  /// blocks are not padded, as Photoshop writes those of its own.
  static func layerBlocks(
    _ blocks: [(key: String, content: [UInt8])], _ signature: String = "8BIM", lengthBytes: Int = 4
  ) -> [UInt8] {
    blocks.reduce(big(0, lengthBytes) + big(2, 4) + [0, 0]) { bytes, block in
      bytes + Array((signature + block.key).utf8) + big(block.content.count, lengthBytes) + block.content
    }
  }

  /// The layers of a file of 16 bits, and whether they declare that the composite has transparency (Adobe Photoshop File Formats
  /// Specification, "Additional Layer Information"): the block `Mt16` or `Mtrn`, or a negative number of layers in `Lr16`.
  static let deepLayers: [(layers: [UInt8], isLarge: Bool, isTransparent: Bool)] = [
    (layerBlocks([("Mt16", [])]), false, true), (layerBlocks([("Mtrn", [])]), false, true),
    (layerBlocks([("Mt16", [])], "8B64"), false, true),
    (layerBlocks([("Lr16", [0xFF, 0xFF, 0, 0])]), false, true), (layerBlocks([("Lr16", [0, 1, 0, 0])]), false, false),
    (layerBlocks([("Patt", [1, 2, 3, 4]), ("Mt16", [])]), false, true),
    (layerBlocks([("Mt16", [])], lengthBytes: 8), true, true),
    (layerBlocks([("Lr16", [0xFF, 0xFF, 0, 0])], lengthBytes: 8), true, true),
    // These declare nothing: another block, no block, one without a signature, one that is longer than the layers, and a mask that is.
    (layerBlocks([("Patt", [1, 2, 3, 4])]), false, false), (layerBlocks([]), false, false),
    (layerBlocks([("Mt16", [])], "8BPS"), false, false),
    (layerBlocks([]) + Array("8BIMPatt".utf8) + big(1 << 20, 4) + Array("8BIMMt16".utf8) + big(0, 4), false, false),
    (big(0, 4) + big(1 << 30, 4) + Array("8BIMMt16".utf8) + big(0, 4), false, false),
    (big(0, 4) + [0, 0], false, false),
  ]

  @Test("transparency of a PSD of 16 bits is declared by blocks behind its layers", arguments: deepLayers)
  func deepTransparency(layers: [UInt8], isLarge: Bool, isTransparent: Bool) throws {
    let channels: [[UInt8]] = [[9, 0, 9, 0], [9, 0, 9, 0], [9, 0, 9, 0], [255, 255, 0, 0]]
    let bytes = Self.psd(mode: 3, depth: 16, channels: channels, layers: layers, isLarge: isLarge)
    #expect(try ImagePreparer().inspectBlocking(.memory(bytes)).hasAlpha == isTransparent)
    let pixels = try Self.pixels(.memory(bytes))
    #expect(pixels.count == 8 && pixels[3] == 255 && pixels[7] == (isTransparent ? 0 : 255), "\(pixels)")
  }

  @Test("the white that Photoshop blends with transparent colors is taken out of 16 bits, too")
  func deepBlending() throws {
    // Colors of 0x2000, 0x8000 and 0xE000 at an alpha of 0x8000 are blended as color · alpha + white · (1 − alpha). The second pixel has
    // no alpha.
    let (colors, alpha) = ([0x2000, 0x8000, 0xE000], 0x8000)
    let blended = colors.map { Int((65_535 - Double(65_535 - $0) * Double(alpha) / 65_535).rounded()) }
    let channels = blended.map { Self.big($0, 2) + [255, 255] } + [Self.big(alpha, 2) + [0, 0]]
    let name = "Adobe Photoshop"
    let writer = [0, 0, 0, 1, 1] + Self.big(name.utf16.count, 4) + name.utf16.flatMap { Self.big(Int($0), 2) }
    let bytes = Self.psd(
      mode: 3, depth: 16, channels: channels, resources: Self.resource(1057, writer + Self.big(0, 4) + Self.big(1, 4)),
      layers: Self.layerBlocks([("Mt16", [])]))
    let image = try ImagePreparer().prepareBlocking(
      .memory(bytes), as: Recipe(size: .original, samples: .data, output: .png()))
    let (samples, bits, channelCount) = try DepthTests.read(image.bytes)
    #expect(bits == 16 && channelCount == 4 && samples[3...7] == [0x8000, 65_535, 65_535, 65_535, 0])
    #expect(zip(samples, colors).allSatisfy { abs(Int($0) - $1) <= 1 }, "\(samples)")
  }

  @Test("a place in the IPTC of a PSD is found", arguments: ["Reykjavik", "Oslo"])
  func placeInIPTC(city: String) throws {
    let iptc: [UInt8] = [0x1C, 2, 90] + Self.big(city.utf8.count, 2) + Array(city.utf8)
    for (resources, hasPlace) in [(Self.resource(1028, iptc), true), (Self.resource(1005, iptc), false)] {
      let bytes = Self.psd(mode: 3, channels: [[0, 0], [0, 0], [0, 0]], resources: resources)
      #expect(try ImagePreparer().inspectBlocking(.memory(bytes)).hasPlaceName == hasPlace)
    }
  }

  /// A TGA of 2 by 1 pixels with alpha, with an extension area that gives the type of alpha (TGA 2.0, field 24).
  static func tga(alphaType: UInt8, _ pixels: [UInt8]) -> [UInt8] {
    let header: [UInt8] = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 32, 0x28]
    let area = HostileKindTests.little(495, 2) + [UInt8](repeating: 0, count: 492) + [alphaType]
    let footer = HostileKindTests.little(header.count + pixels.count, 4) + HostileKindTests.little(0, 4)
    return header + pixels + area + footer + Array("TRUEVISION-XFILE.\0".utf8)
  }

  @Test(
    "the extension area of a TGA gives the meaning of its alpha",
    arguments: [
      (0, [100, 50, 25, 255, 7, 7, 7, 255]), (1, [100, 50, 25, 255, 7, 7, 7, 255]),
      (2, [100, 50, 25, 255, 7, 7, 7, 255]), (3, [100, 50, 25, 128, 0, 0, 0, 0]),
      // 100, 50 and 25 times 255/128.
      (4, [199, 100, 50, 128, 0, 0, 0, 0]), (99, [100, 50, 25, 128, 0, 0, 0, 0]),
    ] as [(UInt8, [UInt8])])
  func alphaOfTGA(type: UInt8, expected: [UInt8]) throws {
    let bytes = Self.tga(alphaType: type, [25, 50, 100, 128, 7, 7, 7, 0])
    #expect(try Self.pixels(.memory(bytes)) == expected)
    #expect(try ImagePreparer().inspectBlocking(.memory(bytes)).hasAlpha == (type > 2))
  }

  @Test("a premultiplied color of a TGA above its alpha is full color")
  func excessOfTGA() throws {
    #expect(
      try Self.pixels(.memory(Self.tga(alphaType: 4, [200, 0, 64, 64, 9, 8, 7, 255])))
        == [255, 0, 255, 64, 7, 8, 9, 255])
  }

  @Test("the inks of a PSD are 255 where there is no ink")
  func inks() throws {
    // Cyan alone, and paper.
    let bytes = Self.psd(mode: 4, channels: [[0, 255], [255, 255], [255, 255], [255, 255]])
    let pixels = try Self.pixels(.memory(bytes))
    #expect(pixels[0] < 60 && pixels[1] > 100 && pixels[2] > 180, "\(pixels)")
    #expect(pixels[4..<7].allSatisfy { $0 > 250 }, "\(pixels)")
  }

  @Test(
    "kinds that are not read are refused by name",
    arguments: [
      (psd(mode: 9, channels: [[0, 0], [0, 0], [0, 0]]), "Lab"),
      (psd(mode: 3, depth: 32, channels: [[UInt8](repeating: 0, count: 8)]), "32 bits"),
      (
        psd(
          mode: 3, channels: [[0, 0], [0, 0], [0, 0]],
          resources: Array("8BIM".utf8) + [4, 0x21, 0, 0, 0, 0, 0, 9] + big(1, 4) + [0] + big(0, 4) + [0]),
        "without a composite"
      ),
    ] as [([UInt8], String)])
  func refused(bytes: [UInt8], word: String) {
    let error = failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(.memory(bytes)) }
    #expect(error?.message.contains(word) == true, "\(String(describing: error))")
    #expect(error?.code == .unsupportedFeature)
  }
}
