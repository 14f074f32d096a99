import CImageCodecs
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Encoders")
struct EncoderTests {
  /// Noise over a gradient, so that every filter and every table is used.
  static func image(_ size: ImageSize, channels: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<size.pixelCount * channels).map { at in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: at / channels % size.width * 4 + Int(state >> 28))
    }
  }

  static func png(
    _ samples: [UInt8], _ size: ImageSize, _ channels: RowLayout.Channels, _ compression: Recipe.Compression = .fast,
    _ color: PNGEncoder.Color = .srgb
  ) throws(PreparationError) -> [UInt8] {
    try PNGEncoder(compression: compression)
      .encode(Raster(size: size, channels: channels, bitDepth: 8, bytes: samples), color: color)
  }

  static func jpeg(
    _ samples: [UInt8], _ size: ImageSize, _ channels: RowLayout.Channels, _ encoding: JPEGEncoding = JPEGEncoding()
  ) throws(PreparationError) -> [UInt8] {
    var encoder = try JPEGEncoder(size: size, channels: channels, encoding: encoding)
    try write(samples, rowBytes: size.width * channels.rawValue, to: &encoder)
    return try encoder.finish()
  }

  /// Writes a few rows at a time.
  private static func write<Encoder: RowEncoder & ~Copyable>(
    _ samples: [UInt8], rowBytes: Int, to encoder: inout Encoder
  ) throws(PreparationError) {
    try unsafe samples.withUnsafeBufferPointer { buffer throws(PreparationError) in
      let height = buffer.count / rowBytes
      for y in stride(from: 0, to: height, by: 5) {
        try unsafe encoder.writeRows(
          from: buffer.baseAddress! + y * rowBytes, stride: rowBytes, count: min(5, height - y))
      }
    }
  }

  @Test("a profile goes into a PNG and a JPEG and comes out whole")
  func profiles() throws {
    let profile = try Fixtures.bytes("icc/DisplayP3-v4.icc")
    let size = ImageSize(width: 8, height: 8)
    let samples = Self.image(size, channels: 3)
    let png = try Self.png(samples, size, .rgb, .fast, .profile(profile))
    #expect(try ImagePreparer().inspectBlocking(.memory(png)).iccProfile == profile)
    let jpeg = try Self.jpeg(samples, size, .rgb, JPEGEncoding(iccProfile: profile))
    #expect(try ImagePreparer().inspectBlocking(.memory(jpeg)).iccProfile == profile)
    let large = MetadataTests.profile
    let segmented = try Self.jpeg(samples, size, .rgb, JPEGEncoding(iccProfile: large))
    #expect(try ImagePreparer().inspectBlocking(.memory(segmented)).iccProfile == large)
  }

  @Test("a profile that does not fit the PNG is refused, not dropped")
  func wrongProfile() throws {
    let size = ImageSize(width: 8, height: 8)
    let gray = try Fixtures.bytes("icc/sGrey-v4.icc")
    let error = failure { () throws(PreparationError) in
      try Self.png(Self.image(size, channels: 3), size, .rgb, .fast, .profile(gray))
    }
    #expect(error?.code == .unsupportedFeature)
    #expect(error?.stage == .encode)
  }

  /// cjpeg made the files from the same pixels at quality 90 (Fixtures/jpeg/make-coded.py).
  @Test(
    "a JPEG of rows is cjpeg's, byte for byte",
    arguments: [
      ("420.jpg", Recipe.Subsampling.yuv420), ("444.jpg", .yuv444),
    ])
  func jpegRows(name: String, subsampling: Recipe.Subsampling) throws {
    let samples = Array(try Fixtures.bytes("jpeg/coded-source.ppm").suffix(53 * 37 * 3))
    let encoding = JPEGEncoding(quality: 90, subsampling: subsampling)
    let file = try Self.jpeg(samples, ImageSize(width: 53, height: 37), .rgb, encoding)
    #expect(try file == Fixtures.bytes("jpeg/coded/\(name)"))
  }

  /// TurboJPEG made the files from the same planes.
  @Test(
    "a JPEG of planes is TurboJPEG's, byte for byte",
    arguments: [
      ("420", Recipe.Subsampling.yuv420), ("444", .yuv444), ("gray", .yuv420),
    ])
  func jpegPlanes(kind: String, subsampling: Recipe.Subsampling) throws {
    let source = ImageSource.file(Fixtures.path("jpeg/coded/even-\(kind).jpg"))
    let planes = try JPEGVarietyTests.readPlanes(source).planes
    let encoding = JPEGEncoding(quality: 90, subsampling: subsampling)
    let file = try Self.encodePlanes(planes, ImageSize(width: 52, height: 36), encoding)
    #expect(try file == Fixtures.bytes("jpeg/coded/planes-\(kind).jpg"))
  }

  @Test("planes of odd sizes come back nearly as they were", arguments: [1, 7, 8, 9, 15, 16, 17, 33], [1, 16, 19])
  func oddPlanes(width: Int, height: Int) throws {
    for subsampling in Recipe.Subsampling.allCases {
      let size = ImageSize(width: width, height: height)
      let half = ImageSize(width: (width + 1) / 2, height: (height + 1) / 2)
      let chroma = subsampling == .yuv420 ? half : size
      let planes = [size, chroma, chroma].map { size -> (size: ImageSize, bytes: [UInt8]) in
        let ramp: [UInt8] = (0..<size.pixelCount).map { (at: Int) in UInt8(100 + at % size.width * 3 + at / size.width)
        }
        return (size: size, bytes: ramp)
      }
      let file = try Self.encodePlanes(planes, size, JPEGEncoding(quality: 100, subsampling: subsampling))
      let decoded = try JPEGVarietyTests.readPlanes(.memory(file), policy: .warning).planes
      for (plane, original) in zip(decoded, planes) {
        #expect(plane.size == original.size)
        #expect(zip(plane.bytes, original.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 2 }, "\(size)")
      }
    }
  }

  @Test("sides that do not fit in a JPEG")
  func tooLarge() {
    let error = failure { () throws(PreparationError) in
      try Self.jpeg([], ImageSize(width: 65_501, height: 1), .gray)
    }
    #expect(error?.code == .unsupportedFeature)
  }

  @Test("an unfinished image is an error")
  func unfinished() {
    let size = ImageSize(width: 8, height: 9)
    let jpeg = failure { () throws(PreparationError) in try Self.jpeg([UInt8](repeating: 0, count: 64), size, .gray) }
    #expect(jpeg?.stage == .encode)
  }

  /// After the last row libjpeg-turbo accepts no more rows. A writer that waited until it accepts one would wait forever.
  @Test("rows behind the last one of a JPEG are refused", arguments: [(9, 0), (8, 1), (8, 8), (1, 8)])
  func excessRows(first: Int, second: Int) throws {
    let size = ImageSize(width: 8, height: 8)
    let error = failure { () throws(PreparationError) in
      var encoder = try JPEGEncoder(size: size, channels: .gray)
      let rows = [UInt8](repeating: 7, count: 9 * 8)
      for count in [first, second] {
        try unsafe rows.withUnsafeBufferPointer { buffer throws(PreparationError) in
          try unsafe encoder.writeRows(from: buffer.baseAddress!, stride: 8, count: count)
        }
      }
    }
    #expect(error?.message == "the JPEG cannot be written: more rows than the image has")
  }

  @Test("strips behind the last one of a JPEG are refused", arguments: [8, 16, 17], Recipe.Subsampling.allCases)
  func excessStrips(height: Int, subsampling: Recipe.Subsampling) throws {
    let size = ImageSize(width: 8, height: height)
    var writer = try JPEGPlaneWriter(size: size, planeCount: 3, encoding: JPEGEncoding(subsampling: subsampling))
    var samples = [UInt8](repeating: 7, count: 16 * 8)
    var written = 0
    let error = failure { () throws(PreparationError) in
      try unsafe samples.withUnsafeMutableBufferPointer { buffer throws(PreparationError) in
        let bases = unsafe [buffer.baseAddress, buffer.baseAddress, buffer.baseAddress]
        while written <= writer.stripCount {
          try unsafe writer.writeStrip(from: bases, strides: [8, 8, 8])
          written += 1
        }
      }
    }
    #expect(written == writer.stripCount)
    #expect(error?.message == "the JPEG cannot be written: more strips than the image has")
  }

  @Test("planes are refused where rows are expected, and before the image is started", arguments: [false, true])
  func unexpectedPlanes(isStarted: Bool) {
    let encoder = unsafe cic_jpeg_encoder_create()!
    defer { unsafe cic_jpeg_encoder_destroy(encoder) }
    if isStarted {
      var options = unsafe cic_jpeg_encoder_options()
      unsafe (options.width, options.height, options.components, options.quality) = (8, 8, 1, 90)
      #expect(unsafe cic_jpeg_encoder_start(encoder, &options) == .CIC_OK)
    }
    var samples = [UInt8](repeating: 7, count: 64)
    let status = unsafe samples.withUnsafeMutableBufferPointer { buffer in
      unsafe cic_jpeg_write_planes(encoder, [buffer.baseAddress], [8])
    }
    #expect(status == .CIC_UNSUPPORTED)
  }

  @Test(
    "a palette of too many colors, or with alpha for more than it has, is refused",
    arguments: [(257, 0), (.max, 0), (0, 0), (-1, 0), (2, 3), (256, 257), (2, -1)] as [(Int32, Int32)])
  func unsoundPalette(colors: Int32, alphas: Int32) {
    let encoder = unsafe cic_png_encoder_create()!
    defer { unsafe cic_png_encoder_destroy(encoder) }
    let bytes = [UInt8](repeating: 1, count: 3 * 257)
    let status = unsafe bytes.withUnsafeBufferPointer { bytes in
      var options = unsafe cic_png_encoder_options()
      unsafe (options.width, options.height, options.bit_depth, options.color_type) = (8, 8, 8, 3)
      unsafe (options.palette, options.palette_count) = (bytes.baseAddress, colors)
      unsafe (options.alpha, options.alpha_count) = (bytes.baseAddress, alphas)
      return unsafe cic_png_encoder_start(encoder, &options)
    }
    #expect(status == .CIC_UNSUPPORTED)
    let message = unsafe String(cString: cic_png_encoder_message(encoder))
    #expect(message == "a palette has 1 to 256 colors, and alpha for no more than these")
  }

  /// Encodes planes strip by strip from buffers of exactly the size of a strip. Rows are padded to whole blocks.
  static func encodePlanes(
    _ planes: [(size: ImageSize, bytes: [UInt8])], _ size: ImageSize, _ encoding: JPEGEncoding
  ) throws(PreparationError) -> [UInt8] {
    var writer = try JPEGPlaneWriter(size: size, planeCount: planes.count, encoding: encoding)
    precondition(writer.planeSizes == planes.map(\.size), "planes of another size")
    let strides = planes.map { ($0.size.width + 7) / 8 * 8 }
    let buffers = unsafe planes.indices.map {
      UnsafeMutablePointer<UInt8>.allocate(capacity: strides[$0] * writer.rowsPerStrip[$0])
    }
    defer { for k in planes.indices { unsafe buffers[k].deallocate() } }
    for strip in 0..<writer.stripCount {
      for (k, plane) in planes.enumerated() {
        for y in 0..<min(writer.rowsPerStrip[k], plane.size.height - strip * writer.rowsPerStrip[k]) {
          for x in 0..<plane.size.width {
            unsafe buffers[k][y * strides[k] + x] =
              plane.bytes[(strip * writer.rowsPerStrip[k] + y) * plane.size.width + x]
          }
        }
      }
      try unsafe writer.writeStrip(from: buffers, strides: strides)
    }
    return try writer.finish()
  }
}
