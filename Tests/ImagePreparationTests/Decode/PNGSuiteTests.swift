import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The files of PngSuite are compared with pixels that pypng made (Fixtures/png/make-expected.py).
@Suite("PngSuite")
struct PNGSuiteTests {
  static let files = try! FileManager.default.contentsOfDirectory(atPath: Fixtures.path("png/pngsuite"))
    .filter { $0.hasSuffix(".png") }.sorted()
  static let broken = files.filter { $0.hasPrefix("x") }

  @Test("every valid file decodes to the expected pixels at full depth")
  func validFiles() throws {
    let table = try ExpectedPixels.table("png/pngsuite-expected.tsv")
    let pixels = try Fixtures.bytes("png/pngsuite-expected.bin")
    #expect(table.map { $0.columns[0] } == Self.files.filter { !$0.hasPrefix("x") })
    #expect(table.count > 150)
    for expected in table {
      let name = expected.columns[0]
      let (width, height) = (Int(expected.columns[1])!, Int(expected.columns[2])!)
      let bits = Int(expected.columns[3])!
      let image = try DecodedImage.decode(.file(Fixtures.path("png/pngsuite/\(name)")))
      #expect(image.description.storedSize == ImageSize(width: width, height: height), "\(name)")
      #expect(image.layout.bitDepth == bits, "\(name)")
      #expect(image.height == height, "\(name)")
      #expect(image.damage == DecodingDamage(), "\(name)")
      let wanted = expected.bytes(in: pixels, count: width * height * 4 * bits / 8)
      #expect(Self.bigEndianRGBA(image).elementsEqual(wanted), "\(name)")
    }
  }

  @Test("every broken file is refused by default, under the right code", arguments: broken)
  func brokenFiles(name: String) throws {
    let error = failure { () throws(PreparationError) in
      try DecodedImage.decode(.file(Fixtures.path("png/pngsuite/\(name)")))
    }
    // In the files xs, a byte of the signature is wrong. In xcr and xlf, line ends were changed. The other files are wrong after the
    // signature.
    let isUnknown = name.hasPrefix("xs1") || name.hasPrefix("xs2") || name.hasPrefix("xs4")
    let codes: [PreparationError.Code] = isUnknown ? [.notAnImage, .corrupt] : [.corrupt]
    #expect(codes.contains(try #require(error).code), "\(String(describing: error))")
    #expect(error?.remedy.isEmpty == false)
  }

  @Test("there are 14 broken files")
  func brokenCount() { #expect(Self.broken.count == 14) }

  /// Only the checksum of IHDR or IDAT is wrong. The pixels are those of the correct file of the same kind.
  @Test(
    "wrong checksums alone are overlooked under `none`",
    arguments: [("xhdn0g08.png", "basn0g08.png"), ("xcsn0g01.png", "basn0g01.png")])
  func wrongChecksums(name: String, twin: String) throws {
    let image = try DecodedImage.decode(.file(Fixtures.path("png/pngsuite/\(name)")), policy: .none)
    let intact = try DecodedImage.decode(.file(Fixtures.path("png/pngsuite/\(twin)")))
    #expect(image.bytes == intact.bytes)
    #expect(image.damage.warningCount > 0)
    #expect(image.damage.firstWarning?.contains("CRC") == true)
    #expect(image.damage.firstFilledRow == nil)
  }

  @Test(
    "headers are described",
    arguments: [
      ("basn3p02.png", 2, ImageDescription.ColorModel.palette, false, false),
      ("basi0g01.png", 1, .gray, false, true),
      ("basn6a16.png", 16, .rgb, true, false),
      ("tbbn2c16.png", 16, .rgb, true, false),
      ("tp1n3p08.png", 8, .palette, true, false),
    ])
  func headers(
    name: String, bits: Int, model: ImageDescription.ColorModel, alpha: Bool, interlaced: Bool
  ) throws {
    let description = try ImagePreparer().inspectBlocking(.file(Fixtures.path("png/pngsuite/\(name)")))
    #expect(description.format == .png)
    #expect(description.bitDepth == bits)
    #expect(description.colorModel == model)
    #expect(description.hasAlpha == alpha)
    #expect(description.isProgressive == interlaced)
  }

  @Test("color, text and EXIF chunks are read")
  func chunks() throws {
    func describe(_ name: String) throws -> ImageDescription {
      try ImagePreparer().inspectBlocking(.file(Fixtures.path("png/pngsuite/\(name).png")))
    }
    #expect(try describe("g07n2c08").pngColor?.gamma == 0.7)
    let white = try #require(try describe("ccwn2c08").pngColor?.chromaticities).white
    #expect(white == PNGColor.Chromaticity(0.3127, 0.329))
    #expect(try describe("ctzn0g04").hasText)
    #expect(try describe("cten0g04").hasText)
    #expect(try !describe("ct0n0g04").hasText)
    #expect(try describe("exif2c08").hasEXIF)
  }

  /// The pixels in the layout of the expected ones: RGBA, with gray in all color channels, and opaque if there is no alpha.
  static func bigEndianRGBA(_ image: DecodedImage) -> [UInt8] {
    let sampleBytes = image.layout.bitDepth / 8
    let samples: [[UInt8]] = stride(from: 0, to: image.bytes.count, by: sampleBytes).map { at in
      sampleBytes == 1 ? [image.bytes[at]] : [image.bytes[at], image.bytes[at + 1]]
    }
    let ordered = 1.littleEndian == 1 ? samples.map { Array($0.reversed()) } : samples
    let opaque = [UInt8](repeating: 255, count: sampleBytes)
    let channels = image.layout.channelCount
    return stride(from: 0, to: ordered.count, by: channels).flatMap { at -> [UInt8] in
      let pixel = Array(ordered[at..<at + channels])
      let color = channels < 3 ? [pixel[0], pixel[0], pixel[0]] : Array(pixel[0..<3])
      let alpha = image.layout.channels == .grayAlpha || image.layout.channels == .rgba ? pixel[channels - 1] : opaque
      return color.flatMap(\.self) + alpha
    }
  }
}
