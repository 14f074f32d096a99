import CImageCodecs
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Decoding limits")
struct DecodingLimitTests {
  static func limits(_ change: (inout Limits) -> Void) -> Limits {
    var limits = Limits()
    change(&limits)
    return limits
  }

  /// The file with another size in its frame header or IHDR.
  static func resized(_ name: String, width: UInt32, height: UInt32) throws -> [UInt8] {
    let bytes = try Fixtures.bytes(name)
    guard name.hasSuffix("jpg") else {
      var file = PNGFile(bytes)
      file.chunks[0].data.replaceSubrange(0..<8, with: PNGFile.bigEndian(width) + PNGFile.bigEndian(height))
      return file.bytes
    }
    let file = JPEGFile(bytes)
    let frame = file.markers.first { [0xC0, 0xC1, 0xC2].contains(bytes[$0 + 1]) }!
    var changed = bytes
    changed.replaceSubrange(frame + 5..<frame + 7, with: PNGFile.bigEndian(height)[2...])
    changed.replaceSubrange(frame + 7..<frame + 9, with: PNGFile.bigEndian(width)[2...])
    return changed
  }

  @Test(
    "absurd sizes are refused by their header",
    arguments: [
      ("png/pngsuite/basn2c08.png", UInt32(1_000_000), UInt32(1_000_000)),
      ("png/pngsuite/basi6a16.png", 50_000, 50_000),
      ("jpeg/coded/420.jpg", 65_535, 65_535), ("jpeg/coded/420-progressive.jpg", 65_500, 65_500),
    ])
  func absurdSizes(name: String, width: UInt32, height: UInt32) throws {
    let source = try ImageSource.memory(Self.resized(name, width: width, height: height))
    for policy in DamagePolicy.allCases {
      let error = failure { () throws(PreparationError) in try DecodedImage.decode(source, policy: policy) }
      #expect(error?.code == .tooManyPixels, "\(String(describing: error))")
    }
  }

  @Test("the header of the largest possible image can be read", arguments: ["basn6a16", "basi6a16"])
  func largestHeader(name: String) throws {
    let side = UInt32(Limits.longestSide)
    let bytes = try Self.resized("png/pngsuite/\(name).png", width: side, height: side)
    #expect(try ImagePreparer().inspectBlocking(.memory(bytes)).size == ImageSize(width: Int(side), height: Int(side)))
    // Three rows of one file take 24 MB, and the other file is decoded as a whole.
    let limits = Self.limits {
      $0.maxPixels = .max
      $0.maxMemory = 20_000_000
    }
    let error = failure { () throws(PreparationError) in try DecodedImage.decode(.memory(bytes), limits: limits) }
    #expect(error?.code == .tooMuchMemory)
  }

  @Test("a JPEG side that the codec cannot hold")
  func tooLongSide() throws {
    let source = try ImageSource.memory(Self.resized("jpeg/coded/420.jpg", width: 65_535, height: 8))
    #expect(failure { () throws(PreparationError) in try DecodedImage.decode(source) }?.code == .unsupportedFeature)
  }

  @Test(
    "memory for a whole image is refused before it is taken",
    arguments: [
      ("jpeg/coded/420-progressive.jpg", UInt32(12_000), UInt32(9_000)), ("jpeg/coded/420-scans.jpg", 12_000, 9_000),
      ("png/pngsuite/basi2c08.png", 12_000, 9_000),
    ])
  func tooMuchMemory(name: String, width: UInt32, height: UInt32) throws {
    let source = try ImageSource.memory(Self.resized(name, width: width, height: height))
    let limits = Self.limits { $0.maxMemory = 300_000_000 }
    let error = failure { () throws(PreparationError) in try DecodedImage.decode(source, limits: limits) }
    #expect(error?.code == .tooMuchMemory, "\(String(describing: error))")
    #expect(error?.remedy.description.contains("raise Limits.maxMemory to at least ") == true)
  }

  /// libjpeg-turbo needs exactly the estimated memory: if the limit is one coefficient block lower, libjpeg-turbo itself fails.
  @Test(
    "the memory of a JPEG's coefficients is estimated exactly",
    arguments: [
      ("420-progressive", (64 * 48 + 2 * 32 * 24) * 2), ("444-progressive-restart", 3 * 56 * 40 * 2),
      ("420-scans", (64 * 48 + 2 * 32 * 24) * 2), ("420", 0),
    ])
  func estimate(name: String, bytes: Int) throws {
    let decoder = try JPEGDecoder(ByteSource(.file(Fixtures.path("jpeg/coded/\(name).jpg"))))
    #expect(decoder.wholeImageBytes == bytes)
  }

  @Test("a scale that JPEGs are not decoded at is refused", arguments: [0, 3, 5, 16, .max] as [UInt32])
  func unknownScale(denominator: UInt32) throws {
    let decoder = try JPEGDecoder(ByteSource(.file(Fixtures.path("jpeg/coded/420.jpg"))))
    var layout = cic_jpeg_layout()
    let status = unsafe cic_jpeg_configure(decoder.handle.pointer, denominator, .CIC_JPEG_OUT_PLANES, &layout)
    #expect(status == .CIC_UNSUPPORTED)
    // Later calls return the first failure.
    let again = unsafe cic_jpeg_configure(decoder.handle.pointer, 1, .CIC_JPEG_OUT_PLANES, &layout)
    #expect(again == .CIC_UNSUPPORTED)
  }

  @Test("progressive scans are counted")
  func scans() throws {
    let file = "jpeg/coded/420-progressive.jpg"
    let count = JPEGFile(try Fixtures.bytes(file)).scans.count
    #expect(count > 5)
    _ = try DecodedImage.decode(.file(Fixtures.path(file)), limits: Self.limits { $0.maxScans = count })
    let error = failure { () throws(PreparationError) in
      try DecodedImage.decode(.file(Fixtures.path(file)), limits: Self.limits { $0.maxScans = count - 1 })
    }
    #expect(error?.code == .limitExceeded)
  }

  @Test("the texts of a PNG are counted, before and behind its image data", arguments: [false, true])
  func chunks(areBehind: Bool) throws {
    var file = PNGFile(try Fixtures.bytes("png/pngsuite/basn2c08.png"))
    let texts = (0..<5).map { number in (type: "tEXt", data: Array("Title\0text \(number)".utf8)) }
    file.chunks.insert(contentsOf: texts, at: areBehind ? file.chunks.count - 1 : 1)
    for (limit, kept) in [(5, 5), (4, 4), (0, 0)] {
      let limits = Self.limits { $0.maxChunks = limit }
      let description = try ImagePreparer(limits: limits).inspectBlocking(.memory(file.bytes))
      #expect(description.chunks.map(\.data) == texts.prefix(kept).map(\.data), "\(limit)")
      #expect(description.notes.contains { $0.contains("too many") } == (kept < 5), "\(description.notes)")
    }
  }

  @Test("profile bytes are counted")
  func profileBytes() throws {
    let bytes = JPEGFile(try Fixtures.bytes("jpeg/coded/420.jpg")).inserting(MetadataTests.segments([1, 2, 3]))
    let error = failure { () throws(PreparationError) in
      try DecodedImage.decode(.memory(bytes), limits: Self.limits { $0.maxProfileBytes = 120_000 })
    }
    #expect(error?.code == .limitExceeded)
  }

  @Test(
    "varieties that the codec does not know",
    arguments: [
      "corrupt/jpeg-lossless-frame.jpg", "corrupt/jpeg-12-bit.jpg", "corrupt/jpeg-five-components.jpg",
    ])
  func unsupported(name: String) {
    let error = failure { () throws(PreparationError) in try DecodedImage.decode(.file(Fixtures.path(name))) }
    #expect(error?.code == .unsupportedFeature)
  }

  @Test(
    "a raised flag stops every way of decoding",
    arguments: [
      "jpeg/coded/420.jpg", "jpeg/coded/420-progressive.jpg", "png/pngsuite/basn2c08.png", "png/pngsuite/basi2c08.png",
    ])
  func canceled(name: String) throws {
    let flag = CancellationFlag()
    let isJPEG = name.hasSuffix("jpg")
    let bytes = try ByteSource(.memory(Fixtures.bytes(name)), cancellation: flag)
    // The headers are read before the flag is raised, so the flag stops the reading of rows.
    if isJPEG {
      var decoder = try JPEGDecoder(bytes)
      flag.cancel()
      #expect(Self.readsOneRow(&decoder) { decoder throws(PreparationError) in try decoder.start() } == .canceled)
    } else {
      var decoder = try PNGDecoder(bytes)
      flag.cancel()
      #expect(Self.readsOneRow(&decoder) { decoder throws(PreparationError) in try decoder.start() } == .canceled)
    }
  }

  private static func readsOneRow<Decoder: RowDecoder & ~Copyable>(
    _ decoder: inout Decoder, start: (inout Decoder) throws(PreparationError) -> Void
  ) -> PreparationError.Code? {
    do {
      try start(&decoder)
      var row = [UInt8](repeating: 0, count: decoder.layout.rowBytes)
      _ = try unsafe row.withUnsafeMutableBufferPointer { buffer throws(PreparationError) in
        try unsafe decoder.readRows(into: buffer.baseAddress!, stride: buffer.count, count: 1)
      }
      return nil
    } catch {
      return error.code
    }
  }
}
