import CImageCodecs
import TestSupport
import Testing

@testable import ImagePreparation

/// JPEGs of several scans with damage in a later scan. Such damage makes libjpeg-turbo leave its function by a jump while it reads the
/// scans. The version of libjpeg-turbo decides whether decoding can continue after that.
@Suite("Damaged scans")
struct DamagedScanTests {
  static let canResume = cic_jpeg_can_resume(cic_libjpeg_turbo_version_number())

  static let file = JPEGFile(try! Fixtures.bytes("jpeg/coded/420-progressive.jpg"))

  /// The first Huffman tables after the first scan have a number that does not exist.
  static func brokenTables() throws -> [UInt8] {
    var bytes = file.bytes
    let tables = try #require(file.markers.first { $0 > file.scans[0].upperBound && bytes[$0 + 1] == 0xC4 })
    bytes[tables + 4] = 0x77
    return bytes
  }

  /// A second frame header after the first scan, for an image with other sides.
  static func secondFrame(marker: UInt8, components: UInt8) -> [UInt8] {
    let listed = (1...max(components, 1)).prefix(Int(components)).flatMap { number -> [UInt8] in [number, 0x11, 0] }
    let payload: [UInt8] = [8, 0, 3, 0, 5, components] + listed
    let segment = [0xFF, marker] + PNGFile.bigEndian(UInt32(payload.count + 2))[2...] + payload
    return file.bytes[..<file.scans[0].upperBound] + segment + file.bytes[file.scans[0].upperBound...]
  }

  static func decode(_ bytes: [UInt8], version: Int32) throws(PreparationError) {
    var decoder = try JPEGDecoder(ByteSource(.memory(bytes)), policy: .none)
    unsafe cic_jpeg_assume_version(decoder.handle.pointer, version)
    try decoder.start()
  }

  @Test(
    "earlier scans are kept under `none`",
    .enabled(if: canResume, "the installed libjpeg-turbo is not one that decoding can be resumed with"))
  func earlierScans() throws {
    let bytes = try Self.brokenTables()
    #expect(failure { () throws(PreparationError) in try DecodedImage.decode(.memory(bytes)) }?.code == .corrupt)
    let image = try DecodedImage.decode(.memory(bytes), policy: .none)
    let whole = try DecodedImage.decode(.memory(Self.file.bytes))
    #expect(image.damage.firstFilledRow == 0)
    let difference = zip(image.bytes, whole.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    #expect(Double(difference) / Double(whole.bytes.count) < 20, "the coarse image is not the picture")
  }

  /// libjpeg-turbo refuses the header after it has overwritten fields of the first one.
  @Test(
    "a second frame header damages all rows, and changes neither the size nor the pixels",
    .enabled(if: canResume, "the installed libjpeg-turbo is not one that decoding can be resumed with"),
    arguments: [0xC0, 0xC1, 0xC2, 0xC9, 0xCA], [0, 1, 3, 4, 80] as [UInt8])
  func secondFrame(marker: UInt8, components: UInt8) throws {
    let image = try DecodedImage.decode(
      .memory(Self.secondFrame(marker: marker, components: components)), policy: .none)
    let cut = try DecodedImage.decode(.memory(Array(Self.file.bytes[..<Self.file.scans[0].upperBound])), policy: .none)
    #expect(image.bytes == cut.bytes)
    #expect(image.damage.firstFilledRow == 0)
  }

  /// The version number of the first beta of 3.0 was 2.1.90.
  @Test(
    "the image is refused as damaged with a version whose internals are not known",
    arguments: [0, 1_005_090, 2_001_004, 2_001_090, 3_000_000, 3_001_000, 3_002_000, .max] as [Int32])
  func otherVersions(version: Int32) throws {
    #expect(!cic_jpeg_can_resume(version))
    let bytes = try Self.brokenTables()
    let error = failure { () throws(PreparationError) in try Self.decode(bytes, version: version) }
    #expect(error?.code == .corrupt)
    let strict = failure { () throws(PreparationError) in try DecodedImage.decode(.memory(bytes)) }
    // Only the remedies differ: if a decoder already accepts damage, its error does not advise to accept damage.
    #expect(strict != nil && error?.stage == strict?.stage && error?.message == strict?.message)
  }
}
