import TestSupport
import Testing

@testable import ImagePreparation

/// WebP as a result. Its pixels are read by libwebp's decoder.
@Suite("WebP results")
struct WebPEncoderTests {
  private static func prepared(
    _ file: String, _ output: Recipe.Output, _ samples: Recipe.Samples = .color(),
    metadata: Recipe.MetadataHandling = .none,
    size: Recipe.Size = .original
  ) throws(PreparationError) -> PreparedImage {
    try ImagePreparer().prepareBlocking(
      .file(Fixtures.path(file)), as: Recipe(size: size, samples: samples, output: output, metadata: metadata))
  }

  @Test(
    "transparent images, and others with the compression small, are lossless to the last bit",
    arguments: [
      ("png/soft-alpha-rgba8.png", .balanced), ("png/soft-alpha-rgba8.png", .fast), ("png/small-rgb8.png", .small),
      ("png/small-gray8.png", .small), ("kinds/tiff/gray-alpha8-pillow.tif", .balanced), ("jpeg/small-420.jpg", .small),
    ] as [(String, Recipe.Compression)])
  func lossless(file: String, compression: Recipe.Compression) throws {
    // The samples are data, so that the colors of transparent pixels are compared too.
    let webp = try Self.prepared(file, .webp(compression: compression), .data)
    let png = try Self.prepared(file, .png(), .data)
    #expect(webp.format == .webp && webp.quality == nil && webp.subsampling == nil)
    #expect(webp.bytes.starts(with: "RIFF".utf8) && webp.size == png.size)
    func pixels(_ image: PreparedImage) throws -> [UInt8] {
      let pixels = try ImagePreparer().pixelsBlocking(
        of: .memory(image.bytes), as: Recipe(size: .original, samples: .data))
      return Raster(pixels).expandedToRGBA().bytes
    }
    #expect(try pixels(webp) == pixels(png))
  }

  @Test("opaque images are lossy: a higher quality is closer and takes more bytes")
  func lossy() throws {
    let exact = try ImagePreparer().pixelsBlocking(
      of: .file(Fixtures.path("jpeg/small-444.jpg")), as: Recipe(size: .original))
    var (errors, sizes): ([Double], [Int]) = ([], [])
    for quality in [30, 92] {
      let image = try Self.prepared("jpeg/small-444.jpg", .webp(quality: quality))
      #expect(image.format == .webp && image.quality == quality && image.subsampling == "4:2:0")
      let pixels = try ImagePreparer().pixelsBlocking(of: .memory(image.bytes), as: Recipe(size: .original))
      let squares = zip(pixels.samples, exact.samples).reduce(0.0) { $0 + pow2(Double($1.0) - Double($1.1)) }
      errors.append((squares / Double(exact.samples.count)).squareRoot())
      sizes.append(image.bytes.count)
    }
    // An error of 8 levels is about 30 dB.
    #expect(errors[1] < 6 && errors[1] < errors[0] && sizes[1] > sizes[0], "\(errors) \(sizes)")
  }

  private func pow2(_ value: Double) -> Double { value * value }

  @Test("a profile and metadata are kept, and the orientation is reset")
  func kept() throws {
    let tagged = try Self.prepared("jpeg/icc-display-p3.jpg", .webp(), .color(profile: .keep))
    let profile = try ImagePreparer().inspectBlocking(.file(Fixtures.path("jpeg/icc-display-p3.jpg"))).iccProfile
    #expect(try ImagePreparer().inspectBlocking(.memory(tagged.bytes)).iccProfile == profile)

    for file in ["jpeg/phone.jpg", "kinds/tiff/metadata-exiftool.tif"] {
      let image = try Self.prepared(file, .webp(quality: 80), metadata: .keep, size: .longestSide(128))
      let found = try ImagePreparer().inspectBlocking(.memory(image.bytes))
      #expect(found.hasEXIF && found.hasGPS && found.orientation == .upright && found.size == image.size, "\(file)")
      let plain = try Self.prepared(file, .webp(quality: 80), size: .longestSide(128))
      let bare = try ImagePreparer().inspectBlocking(.memory(plain.bytes))
      #expect(!bare.hasEXIF && !bare.hasXMP && bare.size == image.size, "\(file)")
    }
  }

  @Test("gray with a profile of gray is converted, because a WebP has three channels")
  func gray() throws {
    let image = try Self.prepared("jpeg/icc-gray.jpg", .webp(), .color(profile: .keep))
    #expect(try ImagePreparer().inspectBlocking(.memory(image.bytes)).iccProfile == nil)
  }

  @Test(
    "a budget is met by the quality, then by the scale",
    arguments: [
      ("jpeg/mountain-444.jpg", .balanced, 9_000), ("jpeg/mountain-444.jpg", .balanced, 2_500),
      ("jpeg/mountain-444.jpg", .small, 20_000), ("png/soft-alpha-rgba8.png", .balanced, 3_000),
    ] as [(String, Recipe.Compression, Int)])
  func budget(file: String, compression: Recipe.Compression, bytes: Int) throws {
    let image = try Self.prepared(
      file, .webp(compression: compression, budget: .bytes(bytes, minSide: 1)), size: .longestSide(200))
    #expect(image.format == .webp && image.bytes.count <= bytes)
    #expect(image.notes.contains { $0.hasSuffix("to take no more than \(bytes) bytes") }, "\(image.notes)")
    #expect((image.quality ?? 60) >= 60)
  }

  @Test("sides that do not fit are refused before pixels are read, and 16 bits are rounded")
  func limits() throws {
    let error = failure { () throws(PreparationError) in
      try ImagePreparer().planBlocking(
        of: .file(Fixtures.path("jpeg/small-420.jpg")),
        as: Recipe(size: .longestSide(16_384, enlarge: true), output: .webp()))
    }
    #expect(
      error?.code == .invalidRecipe && error?.message.contains("WebP") == true, "\(String(describing: error))")
    let image = try Self.prepared("png/small-rgb16.png", .webp(), .data)
    #expect(image.bits == 8 && image.notes.contains { $0.contains("because a WebP has no more") }, "\(image.notes)")
  }

  @Test("canceled work ends")
  func canceled() {
    let flag = CancellationFlag()
    flag.cancel()
    let raster = Raster(size: ImageSize(width: 64, height: 64), channels: .rgb, bitDepth: 8)
    for quality in [nil, 80.0] {
      let encoder = WebPEncoder(quality: quality, compression: .balanced, iccProfile: nil, cancellation: flag)
      #expect(failure { () throws(PreparationError) in try encoder.encode(raster) }?.code == .canceled)
    }
  }

  #if !DEBUG
  @Test("noise that has no room for the prediction modes of all its blocks is encoded again with fewer of them")
  func fewerModes() throws {
    /// The bits of prediction modes for each macroblock of 16x16 pixels: the first partition of the frame (RFC 6386, 9.1).
    func modeBits(side: Int) throws -> Int {
      var random = SplitMix64(seed: 3)
      var raster = Raster(size: ImageSize(width: side, height: side), channels: .rgb, bitDepth: 8)
      for index in raster.bytes.indices { raster.bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
      let file = try WebPEncoder(quality: 80, compression: .fast, iccProfile: nil).encode(raster)
      let frame = try #require(file.firstRange(of: Array("VP8 ".utf8))).upperBound + 4
      let tag = (0..<3).reduce(0) { $0 | Int(file[frame + $1]) << ($1 * 8) }
      return (tag >> 5) * 8 / ((side / 16) * (side / 16))
    }
    let side = 4352
    let all = try modeBits(side: 512)
    #expect(all * (side / 16) * (side / 16) > 8 << 19, "all modes of the large image would have had room")
    #expect(try modeBits(side: side) < all / 2)
  }
  #endif
}
