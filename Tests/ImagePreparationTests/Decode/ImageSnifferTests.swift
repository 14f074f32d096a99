import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Recognition of formats")
struct ImageSnifferTests {
  @Test(
    "other kinds are named, with a command that converts them",
    arguments: [
      ("foreign/header.avif", "AVIF"), ("foreign/header.heic", "HEIC"),
    ])
  func otherKinds(file: String, kind: String) throws {
    let source = ImageSource.file(Fixtures.path(file))
    let error = try #require(failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(source) })
    #expect(error.code == .unsupportedFormat)
    #expect(error.message.contains(kind))
    #expect(error.remedy.description.contains("out"))
  }

  @Test(
    "first bytes of kinds without a fixture",
    arguments: [
      ("\u{0}\u{0}\u{0}\u{C}JXL \r\n", "JPEG XL"), ("\u{0}\u{0}\u{0}\u{C}jP  \r\n", "JPEG 2000"),
      ("\u{0}\u{0}\u{0}\u{18}ftypisom", "video"), ("%PDF-1.7", "PDF"),
      ("<?xml version=\"1.0\"?>\n<svg xmlns=", "SVG"),
    ])
  func firstBytes(head: String, kind: String) {
    let error = failure { () throws(PreparationError) in try ImageSniffer.kind(of: Array(head.utf8)) }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains(kind) == true)
  }

  @Test(
    "pictures in ISO base media files are recognized by their brands",
    arguments: [
      ("ftypmif1", .heic), ("ftypmif1\0\0\0\0mif1avifmiaf", .avif), ("ftypmif1\0\0\0\0mif1heicmiaf", .heic),
      ("ftypavis\0\0\0\0avifavis", .avif), ("ftypheix\0\0\0\0mif1heix", .heic), ("ftypisom\0\0\0\0mif1heic", nil),
    ] as [(String, ImageDescription.Format?)])
  func brands(head: String, format: ImageDescription.Format?) {
    #expect(MediaBrand.format(of: [0, 0, 0, 0x1C] + Array(head.utf8)) == format)
  }

  /// The first bytes of files as the specifications of their kinds define them, the name of the kind, and a program that reads it.
  static let kinds: [(head: [UInt8], kind: String, program: String)] = [
    (Array("II*\0\u{10}\0\0\0CR\u{2}\0".utf8), "Canon CR2 raw", "darktable"),
    (Array("FUJIFILMCCD-RAW 0201".utf8), "Fujifilm RAF raw", "darktable"),
    (Array("IIU\0\u{8}\0\0\0".utf8), "Panasonic RW2 raw", "darktable"),
    (Array("IIRO\u{8}\0\0\0".utf8), "Olympus ORF raw", "darktable"),
    (Array("\0\0\0\u{18}ftypcrx \0\0\0\u{1}crx isom".utf8), "Canon CR3 raw", "darktable"),
    (raw("NIKON CORPORATION", [(0xFE, 1), (0x14A, 400)]), "Nikon NEF raw", "darktable"),
    (raw("SONY", [(0x103, 6), (0x14A, 400)]), "Sony ARW raw", "darktable"),
    (raw("PENTAX", [(0x103, 65_535)]), "Pentax PEF raw", "darktable"),
    (raw("Apple", [(0xFE, 1), (0x14A, 400), (0xC612, 0x0001_0401)]), "DNG raw", "darktable"),
    (Array("gimp xcf v011\0".utf8), "XCF", "magick"),
    (zip("application/x-krita"), "KRA", "unzip"), (zip("image/openraster"), "OpenRaster", "unzip"),
    (Array("PK\u{3}\u{4}\u{14}".utf8), "a ZIP archive", "unzip"), (Array("qoif\0\0\0\u{1}".utf8), "QOI", "magick"),
    (
      [0xAB, 0x4B, 0x54, 0x58, 0x20, 0x32, 0x30, 0xBB, 0x0D, 0x0A, 0x1A, 0x0A], "KTX2", "ktx extract"
    ), (Array("DDS |\0\0\0".utf8), "DDS", "magick"), ([0x76, 0x2F, 0x31, 0x01, 2, 0, 0, 0], "OpenEXR", "magick"),
    ([0xFF, 0x0A, 0xFA], "JPEG XL", "djxl"),
    (Array("P6\n12 8\n255\n".utf8), "PNM", "pnmtopng"),
    (Array("FLIF31".utf8), "FLIF", "flif"), ([0x1F, 0x8B, 8, 0], "gzip", "gunzip"),
    ([UInt8](repeating: 0, count: 128) + Array("DICM".utf8), "DICOM", "dcmj2pnm"),
    (Array("%!PS-Adobe-3.0".utf8), "PostScript", "gs"),
    (Array("SIMPLE  =                    T".utf8), "FITS", "magick"),
  ]

  @Test(
    "a finished TIFF of a camera or a scanner is not a raw image",
    arguments: [raw("NIKON", []), raw("scan", [(0xFE, 0)])])
  func finished(head: [UInt8]) throws { #expect(try ImageSniffer.kind(of: head).format == .tiff) }

  @Test("a PNG of an iPhone application is named, with the program that restores it")
  func crushed() throws {
    var file = PNGFile(try Fixtures.bytes("png/small-rgb8.png"))
    file.chunks.insert(("CgBI", [0x50, 0, 0x20, 2]), at: 0)
    let error = failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(.memory(file.bytes)) }
    #expect(error?.code == .unsupportedFeature && error?.message.contains("CgBI") == true)
    #expect(error?.remedy.description.contains("pngcrush -revert-iphone-optimizations") == true)
  }

  /// A TIFF directory with a maker's name and further entries (TIFF 6.0, section 2).
  static func raw(_ maker: String, _ entries: [(tag: Int, value: Int)]) -> [UInt8] {
    func number(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(value >> (8 * $0) & 0xFF) } }
    let all = (entries + [(0x10F, 0)]).sorted { $0.tag < $1.tag }
    let behind = 8 + 2 + 12 * all.count + 4
    var bytes = Array("II*\0".utf8) + number(8, 4) + number(all.count, 2)
    for (tag, value) in all {
      bytes += number(tag, 2) + number(tag == 0x10F ? 2 : tag == 0x103 ? 3 : 4, 2)
      bytes += number(tag == 0x10F ? maker.utf8.count + 1 : 1, 4)
      bytes += tag == 0x10F && maker.utf8.count > 3 ? number(behind, 4) : number(value, 4)
    }
    return bytes + number(0, 4) + Array(maker.utf8) + [0]
  }

  /// A ZIP file up to its first entry, `mimetype`, which is stored without compression.
  static func zip(_ type: String) -> [UInt8] {
    Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 22) + [8, 0, 0, 0] + Array("mimetype\(type)".utf8)
  }

  @Test("every kind is named, with a program that reads it", arguments: kinds)
  func namesKinds(head: [UInt8], kind: String, program: String) throws {
    let error = try #require(failure { () throws(PreparationError) in try ImageSniffer.kind(of: head) })
    #expect(error.code == .unsupportedFormat, "\(error)")
    #expect(error.message.contains(kind) && error.remedy.description.contains(program), "\(error)")
  }

  @Test(
    "nothing binary is called text",
    arguments: [
      [0xFF, 0xFE, 0x00, 0xD8, 0x41, 0x00], [0xFF, 0xFE, 0x01, 0x00, 0x02, 0x00], [0xFE, 0xFF, 0xFF, 0xFF],
      [0x41, 0xC2, 0x80], Array("BMW and other cars".utf8) + [0],
    ] as [[UInt8]])
  func binary(head: [UInt8]) {
    let error = failure { () throws(PreparationError) in try ImageSniffer.kind(of: head) }
    #expect(error?.code == .notAnImage && error?.message.contains("text") == false, "\(String(describing: error))")
  }

  @Test(
    "a file that is not an image is refused",
    arguments: [
      ([UInt8]("just some words".utf8), "text"), (Array("naïve, cut: \u{E9}".utf8.dropLast()), "text"),
      ([0xFF, 0xFE, 0x41, 0x00], "text"), ([0xFE, 0xFF, 0x00, 0x41], "text"),
      (Array("BMW and other cars".utf8), "text"), ([0], "not an image"),
      ([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0], "not an image"),
    ])
  func noImage(head: [UInt8], word: String) {
    let error = failure { () throws(PreparationError) in try ImageSniffer.kind(of: head) }
    #expect(error?.code == .notAnImage)
    #expect(error?.message.contains(word) == true)
  }

  @Test("a text file named .jpg is refused as text") func textFile() {
    let source = ImageSource.file(Fixtures.path("foreign/text.jpg"))
    #expect(failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(source) }?.code == .notAnImage)
  }
}
