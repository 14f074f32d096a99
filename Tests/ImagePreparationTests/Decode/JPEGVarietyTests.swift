import TestSupport
import Testing

@testable import ImagePreparation

/// Every way to code a JPEG is compared with the results of djpeg, Pillow and TurboJPEG (Fixtures/jpeg/make-coded.py).
@Suite("JPEG varieties")
struct JPEGVarietyTests {
  @Test("rows of every variety and scale equal the other decoders'")
  func rows() throws {
    let pixels = try Fixtures.bytes("jpeg/coded-expected.bin")
    var kinds: Set<String> = []
    for expected in try ExpectedPixels.table("jpeg/coded-expected.tsv") {
      let (name, kind) = (expected.columns[0], expected.columns[2])
      guard ["gray", "rgb", "cmyk"].contains(kind) else { continue }
      kinds.insert(kind)
      let scale = JPEGScale(rawValue: Int(expected.columns[1])!)!
      let image = try DecodedImage.decode(.file(Fixtures.path("jpeg/coded/\(name)")), scale: scale)
      let size = ImageSize(width: image.layout.width, height: image.height)
      #expect("\(size)" == "\(expected.columns[3])x\(expected.columns[4])", "\(name)")
      #expect(size == scale.applied(to: image.description.storedSize), "\(name)")
      #expect(image.bytes.elementsEqual(expected.bytes(in: pixels, count: image.bytes.count)), "\(name) 1/\(scale)")
      #expect(image.damage == DecodingDamage(), "\(name)")
    }
    #expect(kinds.count == 3)
  }

  @Test("raw planes equal TurboJPEG's")
  func planes() throws {
    let pixels = try Fixtures.bytes("jpeg/coded-expected.bin")
    let table = try ExpectedPixels.table("jpeg/coded-expected.tsv")
    var compared = 0
    for (index, channel) in ["y", "cb", "cr"].enumerated() {
      for expected in table where expected.columns[2] == channel {
        let name = expected.columns[0]
        let plane = try Self.readPlanes(.file(Fixtures.path("jpeg/coded/\(name)"))).planes[index]
        let width = Int(expected.columns[3])!
        // TurboJPEG pads planes to whole chroma samples. Only samples inside of the image are compared.
        #expect(plane.size.width <= width)
        for y in 0..<plane.size.height {
          let row = plane.bytes[y * plane.size.width..<(y + 1) * plane.size.width]
          let wanted = expected.bytes(in: pixels, count: width * Int(expected.columns[4])!)
            .dropFirst(y * width).prefix(plane.size.width)
          #expect(row.elementsEqual(wanted), "\(name) \(channel) row \(y)")
        }
        compared += 1
      }
    }
    #expect(compared >= 30)
  }

  @Test("every variety is prepared, and gray ones have djpeg's pixels", arguments: Recipe.Effort.allCases)
  func prepared(effort: Recipe.Effort) throws {
    let pixels = try Fixtures.bytes("jpeg/coded-expected.bin")
    let whole = try ExpectedPixels.table("jpeg/coded-expected.tsv")
      .filter { $0.columns[1] == "1" && ["gray", "rgb", "cmyk"].contains($0.columns[2]) }
    #expect(whole.contains { $0.columns[0] == "gray-2x2.jpg" })
    for expected in whole {
      let source = ImageSource.file(Fixtures.path("jpeg/coded/\(expected.columns[0])"))
      var recipe = Recipe(size: .original, effort: effort)
      let image = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
      #expect("\(image.size)" == "\(expected.columns[3])x\(expected.columns[4])", "\(expected.columns[0])")
      if expected.columns[2] == "gray" {
        let wanted = expected.bytes(in: pixels, count: image.size.pixelCount)
        #expect(image.samples.elementsEqual(wanted), "\(expected.columns[0])")
      }
      for side in [5, 13, 26] {
        recipe.size = .longestSide(side)
        #expect(try ImagePreparer().prepareBlocking(source, as: recipe).size.width == side, "\(expected.columns[0])")
      }
    }
  }

  @Test("gray output is the luma plane", arguments: ["420.jpg", "444.jpg", "411.jpg", "420-progressive.jpg"])
  func grayOutput(name: String) throws {
    let source = ImageSource.file(Fixtures.path("jpeg/coded/\(name)"))
    #expect(try DecodedImage.decode(source, output: .gray).bytes == Self.readPlanes(source).planes[0].bytes)
  }

  @Test("at half scale the chroma of 4:2:0 keeps its size")
  func scaledPlanes() throws {
    let source = ImageSource.file(Fixtures.path("jpeg/coded/420.jpg"))
    let half = try Self.readPlanes(source, scale: .half).planes
    let full = try Self.readPlanes(source).planes
    #expect(half.map(\.size) == Array(repeating: ImageSize(width: 27, height: 19), count: 3))
    #expect(half[1].bytes == full[1].bytes)
    #expect(half[2].bytes == full[2].bytes)
  }

  @Test(
    "headers are described",
    arguments: [
      ("gray.jpg", ImageDescription.ColorModel.gray, nil, false, 0, nil),
      ("444.jpg", .ycbcr, "4:4:4", false, 0, nil), ("422.jpg", .ycbcr, "4:2:2", false, 0, nil),
      ("420.jpg", .ycbcr, "4:2:0", false, 0, nil), ("440.jpg", .ycbcr, "4:4:0", false, 0, nil),
      ("411.jpg", .ycbcr, "4:1:1", false, 0, nil), ("mixed.jpg", .ycbcr, "other", false, 0, nil),
      ("rgb.jpg", .rgb, nil, false, 0, 0), ("cmyk.jpg", .cmyk, nil, false, 0, 0),
      ("cmyk-no-adobe.jpg", .cmyk, nil, false, 0, nil), ("ycck.jpg", .ycck, nil, false, 0, 2),
      ("420-progressive.jpg", .ycbcr, "4:2:0", true, 0, nil), ("420-restart.jpg", .ycbcr, "4:2:0", false, 4, nil),
      ("444-restart-blocks.jpg", .ycbcr, "4:4:4", false, 3, nil),
    ] as [(String, ImageDescription.ColorModel, String?, Bool, Int, Int?)])
  func headers(
    name: String, model: ImageDescription.ColorModel, subsampling: String?, progressive: Bool, restart: Int, adobe: Int?
  ) throws {
    let description = try ImagePreparer().inspectBlocking(.file(Fixtures.path("jpeg/coded/\(name)")))
    #expect(description.format == .jpeg)
    #expect(description.storedSize == ImageSize(width: 53, height: 37))
    #expect(description.bitDepth == 8)
    #expect(description.colorModel == model)
    #expect(description.subsampling == subsampling)
    #expect(description.isProgressive == progressive)
    #expect(description.restartInterval == restart)
    #expect(description.adobeTransform == adobe)
  }

  @Test("all 18 orientation files have their orientation", arguments: ["Landscape", "Portrait"], 0...8)
  func orientations(shape: String, number: Int) throws {
    let description = try ImagePreparer().inspectBlocking(
      .file(Fixtures.path("jpeg/orientation/\(shape)_\(number).jpg")))
    #expect(description.orientation.rawValue == max(1, number))
    let upright = shape == "Landscape" ? ImageSize(width: 1800, height: 1200) : ImageSize(width: 1200, height: 1800)
    #expect(description.size == upright)
  }

  /// The samples of each plane without padding. They are read strip by strip into buffers of exactly the size of a strip.
  static func readPlanes(
    _ source: ImageSource, limits: Limits = Limits(), scale: JPEGScale = .full,
    policy: DamagePolicy = .truncated
  ) throws(PreparationError) -> (planes: [(size: ImageSize, bytes: [UInt8])], damage: DecodingDamage) {
    var reader = try JPEGPlaneReader(JPEGDecoder(ByteSource(source), limits: limits, policy: policy), scale: scale)
    let layouts = reader.planes
    let buffers = unsafe layouts.map {
      UnsafeMutablePointer<UInt8>.allocate(capacity: $0.paddedWidth * $0.rowsPerStrip)
    }
    defer { for k in layouts.indices { unsafe buffers[k].deallocate() } }
    var planes = layouts.map { (size: $0.size, bytes: [UInt8]()) }
    var strip = 0
    while try unsafe reader.readStrip(into: buffers, strides: layouts.map(\.paddedWidth)) {
      for (k, layout) in layouts.enumerated() {
        for y in 0..<layout.rows(inStrip: strip) {
          unsafe planes[k].bytes += UnsafeBufferPointer(
            start: buffers[k] + y * layout.paddedWidth, count: layout.size.width)
        }
      }
      strip += 1
    }
    precondition(strip == reader.stripCount, "\(strip) strips of \(reader.stripCount)")
    try reader.finish()
    return (planes, reader.damage)
  }
}
