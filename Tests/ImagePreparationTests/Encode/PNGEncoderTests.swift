import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// One image of a test.
struct PNGImage: CustomTestStringConvertible, Sendable {
  let raster: Raster
  let testDescription: String

  init(_ size: ImageSize, _ channels: RowLayout.Channels, _ content: PNGContent) {
    raster = Raster(
      size: size, channels: channels, bitDepth: 8,
      bytes: content.samples(width: size.width, height: size.height, channels: channels.rawValue))
    testDescription = "\(size) \(channels) \(content)"
  }

  /// The raster's pixels as Fixtures/png/decode.py prints them.
  static func rgba(_ raster: Raster) -> [UInt8] { PNGContent.rgba(raster.bytes, channels: raster.channelCount) }
}

/// An image and the form in which a PNG stores it.
struct PNGForm: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var raster: Raster
  var color = PNGEncoder.Color.srgb
  /// The fields of IHDR.
  var bitDepth: UInt8
  var colorType: UInt8
}

/// The PNG encoder is tested with a decoder in plain Python (Fixtures/png/decode.py). Its files are compared with the sizes of libpng's.
@Suite("PNG encoder")
struct PNGEncoderTests {
  static let channels: [RowLayout.Channels] = [.gray, .grayAlpha, .rgb, .rgba]
  static let sizes = [(1, 1), (2, 1), (1, 2), (3, 2), (7, 5), (8, 8), (33, 17), (64, 33), (300, 1), (1, 300), (255, 3)]

  @Test("every pixel comes back, to a decoder in plain Python", arguments: Recipe.Compression.allCases, channels)
  func smallImages(compression: Recipe.Compression, channels: RowLayout.Channels) throws {
    var images: [PNGImage] = []
    for content in PNGContent.allCases {
      for (width, height) in Self.sizes {
        images.append(PNGImage(ImageSize(width: width, height: height), channels, content))
      }
    }
    try Self.check(images, compression: compression)
  }

  #if DEBUG
  static let largeImages = [
    PNGImage(ImageSize(width: 420, height: 300), .rgb, .slopes),
    PNGImage(ImageSize(width: 70_000, height: 1), .gray, .tiles),
    PNGImage(ImageSize(width: 1, height: 9_000), .rgb, .noise),
  ]
  #else
  static let largeImages = [
    PNGImage(ImageSize(width: 420, height: 300), .rgb, .slopes),
    PNGImage(ImageSize(width: 380, height: 701), .gray, .tiles),
    PNGImage(ImageSize(width: 401, height: 320), .rgba, .noise),
    PNGImage(ImageSize(width: 900, height: 700), .rgb, .runs),
    PNGImage(ImageSize(width: 100_000, height: 2), .gray, .slopes),
    PNGImage(ImageSize(width: 1, height: 70_000), .rgb, .noise),
    PNGImage(ImageSize(width: 70_000, height: 1), .rgba, .tiles),
    PNGImage(ImageSize(width: 640, height: 600), .rgb, .tiles),
  ]
  #endif

  /// Sizes above one batch of rows, above a window, and above the size from which an image is encoded in two pieces.
  @Test(
    "every pixel of large and extreme images comes back", arguments: Recipe.Compression.allCases, largeImages)
  func large(compression: Recipe.Compression, image: PNGImage) throws {
    try Self.check([image], compression: compression)
  }

  @Test(
    "the bytes do not depend on instruction set and threads", .everyInstructionSet, arguments: channels,
    PNGContent.allCases)
  func sameBytes(channels: RowLayout.Channels, content: PNGContent) throws {
    for size in [ImageSize(width: 37, height: 21), ImageSize(width: 311, height: 530)] {
      let raster = PNGImage(size, channels, content).raster
      for compression in [Recipe.Compression.balanced, .small] {
        let bytes = try InstructionSet.available.flatMap { set in
          try [1, 2].map { threads in
            try PNGEncoder(compression: compression, instructionSet: set, threads: threads)
              .encode(raster, color: .srgb)
          }
        }
        #expect(bytes.allSatisfy { $0 == bytes[0] }, "\(size) \(compression)")
      }
    }
  }

  static let forms: [PNGForm] = {
    let size = ImageSize(width: 64, height: 40)
    func raster(_ channels: RowLayout.Channels, _ pixel: (Int) -> [UInt8]) -> Raster {
      Raster(size: size, channels: channels, bitDepth: 8, bytes: (0..<size.pixelCount).flatMap(pixel))
    }
    func byte(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: value &* 2_654_435_761 >> 13) }
    let profile = PNGEncoder.Color.profile(try! Fixtures.bytes("icc/DisplayP3-v4.icc"))
    let grayProfile = PNGEncoder.Color.profile(try! Fixtures.bytes("icc/sGrey-v4.icc"))
    return [
      PNGForm(
        testDescription: "black and white", raster: raster(.gray) { [$0 % 3 == 0 ? 255 : 0] }, bitDepth: 1, colorType: 0
      ),
      PNGForm(testDescription: "four grays", raster: raster(.gray) { [byte($0) & 3 * 85] }, bitDepth: 2, colorType: 0),
      PNGForm(
        testDescription: "sixteen grays", raster: raster(.gray) { [byte($0) & 15 * 17] }, bitDepth: 4, colorType: 0),
      PNGForm(
        testDescription: "two odd grays", raster: raster(.gray) { [byte($0) & 1 + 9] }, bitDepth: 1, colorType: 3),
      PNGForm(
        testDescription: "two odd grays, gray profile", raster: raster(.gray) { [byte($0) & 1 + 9] },
        color: grayProfile,
        bitDepth: 8, colorType: 0),
      PNGForm(testDescription: "many grays", raster: raster(.gray) { [byte($0)] }, bitDepth: 8, colorType: 0),
      PNGForm(
        testDescription: "gray as RGB", raster: raster(.rgb) { [UInt8](repeating: byte($0), count: 3) }, bitDepth: 8,
        colorType: 0),
      PNGForm(
        testDescription: "sixteen grays as opaque RGBA",
        raster: raster(.rgba) { [UInt8](repeating: byte($0) & 15 * 17, count: 3) + [255] }, bitDepth: 4, colorType: 0),
      PNGForm(
        testDescription: "gray as RGB, RGB profile",
        raster: raster(.rgb) { [UInt8](repeating: UInt8($0 * $0 / 7 % 40 * 3), count: 3) },
        color: profile, bitDepth: 8, colorType: 3),
      PNGForm(
        testDescription: "gray and alpha as RGBA",
        raster: raster(.rgba) { [byte($0), byte($0), byte($0), byte($0 * $0 + 7)] }, bitDepth: 8, colorType: 4),
      PNGForm(
        testDescription: "opaque RGBA", raster: raster(.rgba) { [byte($0), byte($0 * $0), 7, 255] }, bitDepth: 8,
        colorType: 2),
      PNGForm(
        testDescription: "RGBA", raster: raster(.rgba) { [byte($0), byte($0 * $0), 7, byte($0 + 1)] }, bitDepth: 8,
        colorType: 6),
      PNGForm(
        testDescription: "opaque gray and alpha", raster: raster(.grayAlpha) { [byte($0), 255] }, bitDepth: 8,
        colorType: 0),
      PNGForm(
        testDescription: "two colors", raster: raster(.rgb) { [byte($0) & 1, 9, 200] }, bitDepth: 1, colorType: 3),
      PNGForm(
        testDescription: "four colors", raster: raster(.rgb) { [byte($0) & 3, 9, 200] }, bitDepth: 2, colorType: 3),
      PNGForm(
        testDescription: "five colors", raster: raster(.rgb) { [byte($0) % 5, 9, 200] }, bitDepth: 4, colorType: 3),
      PNGForm(
        testDescription: "30 colors of 4 alphas",
        raster: raster(.rgba) { [byte($0) % 30, 9, 200, byte($0) % 30 / 8 * 85] },
        bitDepth: 8, colorType: 3),
      PNGForm(
        testDescription: "four colors, RGB profile", raster: raster(.rgb) { [byte($0) & 3, 9, 200] }, color: profile,
        bitDepth: 2, colorType: 3),
    ]
  }()

  @Test("nothing is stored that says nothing", arguments: forms)
  func storedForm(form: PNGForm) throws {
    let file = try PNGEncoder().encode(form.raster, color: form.color)
    let header = try #require(PNGFile(file).chunks.first)
    #expect(header.type == "IHDR")
    #expect(header.data[8] == form.bitDepth)
    #expect(header.data[9] == form.colorType)
    #expect(try Self.decodeInPython([file]) == PNGImage.rgba(form.raster))
    // libpng reads the file and its profile without a warning.
    let decoded = try DecodedImage.decode(.memory(file), policy: .warning)
    if case .profile(let profile) = form.color { #expect(decoded.description.iccProfile == profile) }
  }

  @Test("chunks stand in libpng's order, colors before pixels")
  func chunks() throws {
    let raster = PNGImage(ImageSize(width: 311, height: 530), .rgb, .slopes).raster
    let types = try PNGFile(PNGEncoder().encode(raster, color: .srgb)).chunks.map(\.type)
    #expect(Array(types.prefix(2)) == ["IHDR", "sRGB"])
    #expect(types.last == "IEND")
    #expect(types.dropFirst(2).dropLast().allSatisfy { $0 == "IDAT" })
    let plain = try PNGFile(PNGEncoder().encode(raster, color: .unspecified)).chunks.map(\.type)
    #expect(plain.filter { $0 != "IDAT" } == ["IHDR", "IEND"])
  }

  /// The sizes of files that libpng 1.6.39 with zlib 1.2.13 wrote from the pixels that Pillow reads, with all filters, at levels 6 and 9
  /// (`floors libpng`, Benchmarks/Peers/floors.c).
  @Test(
    "files are not much larger than libpng's",
    arguments: [
      ("art-rgb8", 100_543, 94_432), ("flat-rgb8", 5_378, 4_809), ("small-rgb8", 54_374, 54_357),
      ("small-gray8", 18_214, 18_211), ("soft-alpha-rgba8", 31_881, 31_621), ("soft-alpha-ga8", 14_994, 14_764),
      ("art-palette8", 32_100, 30_451), ("opaque-rgba8", 62_789, 62_570),
    ])
  func againstLibpng(name: String, level6: Int, level9: Int) throws {
    let image = try DecodedImage.decode(.file(Fixtures.path("png/\(name).png")))
    let raster = Raster(
      size: image.description.storedSize, channels: image.layout.channels, bitDepth: 8, bytes: image.bytes)
    func size(_ compression: Recipe.Compression) throws -> Int {
      try PNGEncoder(compression: compression).encode(raster, color: .unspecified).count
    }
    #expect(try Double(size(.balanced)) <= 1.03 * Double(level6))
    #expect(try Double(size(.small)) <= 1.01 * Double(level9))
    #expect(try Double(size(.fast)) <= 1.25 * Double(level6))
  }

  @Test("a raised flag stops the encoder", arguments: Recipe.Compression.allCases, [1, 2])
  func cancellation(compression: Recipe.Compression, threads: Int) {
    let flag = CancellationFlag()
    flag.cancel()
    let error = failure { () throws(PreparationError) in
      try PNGEncoder(compression: compression, threads: threads, cancellation: flag)
        .encode(PNGImage(ImageSize(width: 311, height: 530), .rgb, .slopes).raster, color: .srgb)
    }
    #expect(error?.code == .canceled)
    #expect(error?.stage == .encode)
  }

  private static func check(_ images: [PNGImage], compression: Recipe.Compression) throws {
    let files = try images.map { try PNGEncoder(compression: compression).encode($0.raster, color: .srgb) }
    var rest = try decodeInPython(files)[...]
    for (image, file) in zip(images, files) {
      let expected = PNGImage.rgba(image.raster)
      #expect(rest.prefix(expected.count).elementsEqual(expected), "\(image.testDescription)")
      rest = rest.dropFirst(expected.count)
      let decoded = try DecodedImage.decode(.memory(file), policy: .warning)
      #expect(decoded.height == image.raster.size.height, "\(image.testDescription)")
    }
    #expect(rest.isEmpty)
  }

  /// The RGBA pixels of all files, concatenated.
  private static func decodeInPython(_ files: [[UInt8]]) throws -> [UInt8] {
    let folder = TestFolder.url.appending(path: "gesso-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let paths = try files.enumerated().map { index, file in
      let path = folder.appending(path: "\(index).png")
      try Data(file).write(to: path)
      return path.path
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", Fixtures.path("png/decode.py")] + paths
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return [UInt8](bytes)
  }
}
