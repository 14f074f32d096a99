import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Features that only TIFF has. KindTests tests pixels, cuts and damage.
@Suite("TIFF")
struct TIFFTests {
  /// A little-endian file with one strip after its directory (TIFF 6.0, section 2). `more` replaces or adds entries.
  static func tiff(
    width: Int = 4, height: Int = 4, photometric: Int = 1, bits: Int = 8, samples: Int = 1,
    _ more: [Int: [Int]] = [:], data: [UInt8]? = nil
  ) -> [UInt8] {
    let data = data ?? [UInt8](repeating: 0, count: width * height * samples * bits / 8)
    var entries: [Int: [Int]] = [
      256: [width], 257: [height], 258: [Int](repeating: bits, count: samples), 259: [1], 262: [photometric],
      277: [samples], 278: [height], 279: [data.count],
    ].merging(more) { $1 }
    entries[273] = [0]
    let table = 8 + 2 + 12 * entries.count + 4
    let wide = entries.values.filter { $0.count > 1 }.reduce(0) { $0 + 4 * $1.count }
    entries[273] = [table + wide]
    var (directory, behind) = (little(entries.count, 2), [] as [UInt8])
    for (tag, values) in entries.sorted(by: { $0.key < $1.key }) {
      // All values have the type LONG. If an entry has several values, they are after the directory.
      directory += little(tag, 2) + little(4, 2) + little(values.count, 4)
      directory += values.count == 1 ? little(values[0], 4) : little(table + behind.count, 4)
      if values.count > 1 { behind += values.flatMap { little($0, 4) } }
    }
    return Array("II*\0".utf8) + little(8, 4) + directory + little(0, 4) + behind + data
  }

  private static func little(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// Decodes the stored rows of a source. `body` is called after each strip.
  private static func rows(
    of source: ImageSource, policy: DamagePolicy = .truncated, cancellation: CancellationFlag? = nil,
    _ body: () -> Void = {}
  ) throws(PreparationError) -> (bytes: [UInt8], damage: DecodingDamage) {
    let decoder = try SourceDecoder(opening: source, policy: policy, cancellation: cancellation)
    let description = decoder.description
    let layout = RowLayout(
      channels: description.decodedChannels, bitDepth: description.decodedBits, width: description.storedSize.width)
    let plane = StripPlane(
      layout: layout, height: description.storedSize.height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)
    let strips = try decoder.strips(
      DecodingPlan(form: .rows, scale: .full, planes: [plane], conversion: nil, threads: 1), kernels: KernelTable(.best)
    )
    let ring = RowRing(stripRows: plane.stripRows, rowBytes: plane.rowBytes, window: 1, ahead: 0)
    var bytes: [UInt8] = []
    for index in 0..<strips.stripCount {
      try strips.readStrip(index, into: [ring])
      for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
        unsafe bytes += UnsafeRawBufferPointer(start: ring.row(y), count: layout.rowBytes)
      }
      body()
    }
    try strips.finish()
    return (bytes, strips.damage)
  }

  @Test(
    "kinds that are not read are refused by name",
    arguments: [
      (tiff([259: [4]]), "fax group 4"), (tiff([259: [6]]), "the old style of JPEG"),
      (tiff([259: [34_712]]), "JPEG 2000"),
      (tiff([259: [34_887]]), "LERC"), (tiff([259: [50_000]]), "Zstandard"), (tiff([259: [50_001]]), "by WebP"),
      (tiff([259: [34_661]]), "JBIG"), (tiff([259: [12_345]]), "method 12345"), (tiff(bits: 12), "12 bits"),
      (tiff(bits: 32), "32 bits"), (tiff(bits: 16, [339: [3]]), "floating-point samples of 16 bits"),
      (tiff([339: [2]]), "signed"), (tiff(photometric: 8, samples: 3), "Lab"),
      (tiff(photometric: 6, samples: 3), "YCbCr without JPEG"), (tiff(photometric: 4, bits: 1), "mask"),
      (tiff(photometric: 32_803), "raw data"), (tiff([0xC612: [1]]), "raw"),
      (tiff(photometric: 5, samples: 4, [332: [2]]), "inks"),
    ] as [([UInt8], String)])
  func refused(bytes: [UInt8], word: String) {
    let error = failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(.memory(bytes)) }
    #expect(error?.message.contains(word) == true, "\(String(describing: error))")
    #expect(error?.code == .unsupportedFeature || error?.code == .unsupportedFormat)
  }

  @Test(
    "all 16 bits of a sample are delivered",
    arguments: ["rgb16-planes", "gray16-pillow", "float-gray", "rgb16-big-endian-magick"])
  func deep(file: String) throws {
    let source = ImageSource.file(Fixtures.path("kinds/tiff/\(file).tif"))
    let words = try Self.rows(of: source).bytes
    let expected = try KindTests.pixels(.file(Fixtures.path("kinds/tiff/\(file).png")))
    let isGray = try ImagePreparer().inspectBlocking(source).colorModel == .gray
    // The expected pixels are opaque RGBA.
    let levels = expected.indices.filter { isGray ? $0 % 4 == 0 : $0 % 4 < 3 }.map { expected[$0] }
    // The expected picture has 8 bits. In 16 bits a level is 257 times as large, which repeats its byte.
    #expect(words == levels.flatMap { [$0, $0] })
  }

  @Test("inks are 255 where they are full", arguments: [8, 16])
  func inks(bits: Int) throws {
    // The first pixel is full cyan without other inks, and the second one is paper.
    let inks: [UInt8] = [255, 0, 0, 0, 0, 0, 0, 0]
    let data = bits == 8 ? inks : inks.flatMap { [$0, $0] }
    let bytes = Self.tiff(width: 2, height: 1, photometric: 5, bits: bits, samples: 4, data: data)
    #expect(try Self.rows(of: .memory(bytes)).bytes == data)
    let pixels = try KindTests.pixels(.memory(bytes))
    #expect(pixels[0] < 60 && pixels[1] > 100 && pixels[2] > 180, "\(pixels)")
    #expect(pixels[4..<7].allSatisfy { $0 > 250 }, "\(pixels)")
  }

  @Test("the plan has the coded bytes of a strip, or a row of tiles, for each plane")
  func declared() throws {
    func bytes(_ file: String) throws -> Int {
      try SourceDecoder(opening: .file(Fixtures.path("kinds/tiff/\(file).tif"))).structure.wholeImageBytes
    }
    // The decoder needs a strip of 9 packed rows, and one row.
    #expect(try bytes("orientation-1") < 2000)
    // The image has four tiles in a row, in four planes of 16 by 32 samples, and needs more memory than these.
    #expect(try bytes("rgba8-tiles-planes") > 4 * 4 * 16 * 32)
    // A strip of JPEG data needs at least the bytes of its coefficients.
    #expect(try bytes("ycbcr420-jpeg") > 2 * 3 * 53 * 31)
    // The file has a single strip with all rows.
    #expect(try bytes("rgb8-deflate-pillow") > Fixtures.bytes("kinds/tiff/rgb8-deflate-pillow.tif").count * 3 / 4)
  }

  @Test("tiles larger than the memory that is allowed are refused before they are allocated")
  func tooMuchMemory() {
    let side = 65_520
    let bytes = Self.tiff([322: [side], 323: [side], 324: [8], 325: [1 << 30]])
    let error = failure { () throws(PreparationError) in
      try ImagePreparer(limits: Limits(maxMemory: 256 << 20)).pixelsBlocking(of: .memory(bytes))
    }
    #expect(error?.code == .tooMuchMemory, "\(String(describing: error))")
  }

  @Test(
    "further pages have a note, smaller versions of the picture none",
    arguments: [("pages-pillow", true), ("pyramid-vips", false), ("rgb8-pillow", false)])
  func pages(file: String, isNoted: Bool) throws {
    let found = try ImagePreparer().inspectBlocking(.file(Fixtures.path("kinds/tiff/\(file).tif")))
    #expect(found.notes.contains("only the first page was taken") == isNoted, "\(found.notes)")
  }

  @Test("EXIF, GPS, XMP and IPTC are found, and kept when asked for")
  func metadata() throws {
    let source = ImageSource.file(Fixtures.path("kinds/tiff/metadata-exiftool.tif"))
    let found = try ImagePreparer().inspectBlocking(source)
    #expect(found.hasEXIF && found.hasGPS && found.hasXMP && found.hasPlaceName, "\(found)")
    #expect(found.exifColor?.colorSpace == 1)
    let plain = try ImagePreparer().inspectBlocking(.file(Fixtures.path("kinds/tiff/rgb8-pillow.tif")))
    #expect(!plain.hasEXIF && !plain.hasGPS && !plain.hasXMP)

    let kept = try ImagePreparer().prepareBlocking(source, as: Recipe(size: .original, metadata: .keep))
    let result = try ImagePreparer().inspectBlocking(.memory(kept.bytes))
    #expect(result.hasEXIF && result.hasGPS && result.hasXMP && result.orientation == .upright)
    let structure = try #require(result.exif.flatMap { TIFFStructure($0) })
    let texts = structure.first.entries.compactMap { structure.text(of: $0) }
    #expect(texts.contains("Example") && texts.contains("Somebody"), "\(texts)")
  }

  @Test("work that is canceled between rows ends")
  func canceled() {
    let flag = CancellationFlag()
    let bytes = Self.tiff(width: 8, height: 200)
    let error = failure { () throws(PreparationError) in
      try Self.rows(of: .memory(bytes), cancellation: flag) { flag.cancel() }
    }
    #expect(error?.code == .canceled)
  }

  @Test("a damaged strip is refused, or the rows before it are kept")
  func damagedStrip() throws {
    // Six strips of packed rows follow the directory. In the last strips the changed bytes are codes that end too early.
    var bytes = try Fixtures.bytes("kinds/tiff/gray4.tif")
    let whole = try Self.rows(of: .memory(bytes)).bytes
    for at in bytes.count - 40..<bytes.count { bytes[at] = 0xFF }
    let error = failure { () throws(PreparationError) in try Self.rows(of: .memory(bytes)) }
    #expect(error?.code == .corrupt && error?.message.contains("at row") == true, "\(String(describing: error))")
    let (kept, damage) = try Self.rows(of: .memory(bytes), policy: .none)
    let row = try #require(damage.firstFilledRow)
    #expect(row > 5 && kept.prefix(row / 5 * 5 * 53) == whole.prefix(row / 5 * 5 * 53))
  }

  @Test("a strip that ends early is kept as far as it goes")
  func cutStrip() throws {
    let bytes = try Fixtures.bytes("kinds/tiff/orientation-1.tif")
    let whole = try Self.rows(of: .memory(bytes)).bytes
    let (kept, damage) = try Self.rows(of: .memory(Array(bytes.dropLast(300))), policy: .none)
    let row = try #require(damage.firstFilledRow)
    // The file has 31 rows, and its last strip begins at row 27.
    #expect(row > 27 && kept.prefix(row * 53 * 3) == whole.prefix(row * 53 * 3))
  }
}
