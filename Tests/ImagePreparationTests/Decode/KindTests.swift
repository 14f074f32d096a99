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

  /// A number as 2 or 4 bytes, with the most significant byte first.
  static func big(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * (bytes - 1 - $0))) }
  }

  /// A PSD of 2 by 1 pixels, with its table of colors, resources and layers.
  static func psd(
    mode: Int, depth: Int = 8, channels: [[UInt8]], colors: [UInt8] = [], resources: [UInt8] = [], layers: [UInt8] = []
  ) -> [UInt8] {
    Array("8BPS".utf8) + [0, 1, 0, 0, 0, 0, 0, 0] + big(channels.count, 2) + big(1, 4) + big(2, 4) + big(depth, 2)
      + big(mode, 2) + big(colors.count, 4) + colors + big(resources.count, 4) + resources + big(layers.count, 4)
      + layers + big(0, 2) + channels.flatMap(\.self)
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
