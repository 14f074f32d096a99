import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// HEIC and AVIF, with the real `gesso-decode`.
@Suite(
  "HEIC and AVIF",
  .enabled(
    if: decodeHelper != nil,
    "there is no gesso-decode: GESSO_PIXELS_ONLY=1 swift build -c release --traits HEIF --product gesso-decode --scratch-path .build/heif"
  ))
struct HelperKindTests {
  static let preparer = ImagePreparer(limits: Limits(threads: 1, decodeHelper: decodeHelper))

  /// The files. Beside each file there is a PNG with its pixels, which another decoder wrote (Fixtures/kinds/make-heif.py).
  static let files = ["heic", "avif"].flatMap { Fixtures.names(in: "kinds/\($0)") }.filter { !$0.hasSuffix(".png") }

  /// Some files, for tests that start many processes.
  static let someFiles = files.filter { file in
    ["heic/grid.", "heic/alpha", "heic/444-10", "avif/420-av", "avif/alpha-10", "avif/grid"].contains(
      where: file.contains)
  }

  static func pixels(
    _ source: ImageSource, with preparer: ImagePreparer = preparer, policy: DamagePolicy = .truncated,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> [UInt8] {
    let recipe = Recipe(size: .original, samples: .color(profile: .ignore), output: .png(), failOn: policy)
    var raster = Raster(try preparer.pixelsBlocking(of: source, as: recipe, cancellation: cancellation))
      .expandedToRGBA()
    for at in stride(from: 3, to: raster.bytes.count, by: 4) where raster.bytes[at] == 0 {
      for channel in 1...3 { raster.bytes[at - channel] = 0 }
    }
    return raster.bytes
  }

  @Test("pixels are those of another decoder", arguments: files)
  func pixels(file: String) throws {
    let expected = try Self.pixels(.file(Fixtures.path(String(file.prefix { $0 != "." }) + ".png")))
    let actual = try Self.pixels(.file(Fixtures.path(file)))
    try #require(actual.count == expected.count)
    let largest = zip(actual, expected).map { abs(Int($0) - Int($1)) }.max() ?? 0
    // Decoders interpolate chroma in different ways, and libheif 1.15 repeats it. Some decoders round to 8 bits, and others drop the lower
    // bits. If alpha is small, the division by alpha makes the differences of the colors larger.
    let tolerance =
      file.contains("/42")
      ? 6 : file.contains("-10") || file.contains("-12") ? 3 : file.contains("premultiplied") ? 5 : 1
    #expect(largest <= tolerance, "they differ by \(largest)")
  }

  @Test("10 and 12 bits arrive as 16", arguments: ["heic/444-12-heif-enc.heic", "avif/444-10-avifenc.avif"])
  func depth(file: String) throws {
    let recipe = Recipe(size: .original, samples: .color(profile: .ignore), output: .png(bits: .sixteen))
    let image = try Self.preparer.prepareBlocking(.file(Fixtures.path("kinds/\(file)")), as: recipe)
    let written = try DecodedImage.decode(.memory(image.bytes))
    let samples = stride(from: 0, to: written.bytes.count, by: 2).map { at in
      UInt16(written.bytes[at]) | UInt16(written.bytes[at + 1]) << 8
    }
    #expect(written.layout.bitDepth == 16 && Set(samples).count > 256)
  }

  @Test("a pipe, bytes in memory and a file named .jpg have the pixels of a file on disk", arguments: someFiles)
  func sources(file: String) throws {
    let expected = try Self.pixels(.file(Fixtures.path(file)))
    let bytes = try Fixtures.bytes(file)
    #expect(try Self.pixels(.memory(bytes)) == expected)
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
    try pipe.fileHandleForWriting.close()
    #expect(try Self.pixels(.descriptor(pipe.fileHandleForReading.fileDescriptor)) == expected)
    let renamed = TestFolder.url.appending(path: "\(UUID().uuidString).jpg")
    try Data(bytes).write(to: renamed)
    #expect(try Self.pixels(.file(renamed.path)) == expected)
  }

  @Test("a file that is cut anywhere is refused with one error, under every policy", arguments: someFiles)
  func cuts(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    for cut in stride(from: 24, to: bytes.count, by: max(1, bytes.count / 12)) {
      for policy in [DamagePolicy.truncated, .none] {
        let source = ImageSource.memory(Array(bytes.prefix(cut)))
        let error = failure { () throws(PreparationError) in try Self.pixels(source, policy: policy) }
        let found = try #require(error, "cut at \(cut)")
        #expect([.truncated, .corrupt, .unsupportedFeature].contains(found.code), "cut at \(cut): \(found)")
        #expect(
          found.stage == .decode && !found.remedy.isEmpty && !found.message.contains("\n"), "cut at \(cut): \(found)")
      }
    }
  }

  /// The number of damaged copies of each file: 4, or `GESSO_MUTATIONS` (Scripts/test mutations).
  static let mutations = ProcessInfo.processInfo.environment["GESSO_MUTATIONS"].flatMap { Int($0) } ?? 4

  @Test("damaged files end with rows or with one error", arguments: files)
  func damage(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    var random = SplitMix64(seed: UInt64(bytes.count))
    var outcomes: [String: Int] = [:]
    for round in 0..<Self.mutations {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        // Half of the changes are in the headers.
        let end = Bool.random(using: &random) ? min(700, damaged.count) : damaged.count
        let at = Int.random(in: 12..<end, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: damaged.removeSubrange(at..<min(at + .random(in: 1...8, using: &random), damaged.count))
        case 1: damaged.insert(contentsOf: damaged[at..<min(at + 8, damaged.count)], at: at)
        case 2: damaged[at] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random)!
        case 3: damaged.removeLast(.random(in: 0...(damaged.count - 13) / 4, using: &random))
        default: damaged[at] = .random(in: 0...255, using: &random)
        }
        if damaged.count < 24 { damaged = bytes }
      }
      let policy = DamagePolicy.allCases[round % 4]
      let limits = Limits(
        maxPixels: 1 << 20, maxMemory: 128 << 20, threads: 1, decodeHelper: decodeHelper, maxHelperSeconds: 20)
      do throws(PreparationError) {
        _ = try Self.pixels(.memory(damaged), with: ImagePreparer(limits: limits), policy: policy)
        outcomes["rows", default: 0] += 1
      } catch {
        #expect(!error.message.isEmpty && !error.message.contains("\n") && !error.remedy.isEmpty, "\(error)")
        #expect(error.code != .canceled)
        let words = error.code == .helperFailed ? ": \(error.message)" : ""
        outcomes[error.code.rawValue + words, default: 0] += 1
      }
    }
    if Self.mutations > 100 {
      print("\(file): " + outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: "; "))
    }
  }

  @Test("canceled work ends", arguments: someFiles)
  func canceled(file: String) {
    let flag = CancellationFlag()
    flag.cancel()
    let error = failure { () throws(PreparationError) in
      try Self.pixels(.file(Fixtures.path(file)), cancellation: flag)
    }
    #expect(error?.code == .canceled)
  }

  @Test("limits hold before pixels are decoded")
  func limits() throws {
    let file = ImageSource.file(Fixtures.path("kinds/heic/grid.heic"))
    func code(_ limits: Limits) -> PreparationError.Code? {
      var limits = limits
      limits.decodeHelper = decodeHelper
      let preparer = ImagePreparer(limits: limits)
      return failure { () throws(PreparationError) in try preparer.pixelsBlocking(of: file) }?.code
    }
    #expect(code(Limits(maxPixels: 14_999)) == .tooManyPixels)
    #expect(code(Limits(maxMemory: 30 << 20)) == .tooMuchMemory)
    #expect(code(Limits(maxHelperSeconds: 0)) == .helperFailed)
    let opened = try SourceDecoder(opening: file, limits: Limits(decodeHelper: decodeHelper))
    let declared = opened.structure.wholeImageBytes
    #expect((32 << 20..<33 << 20).contains(declared), "\(declared)")
  }

  @Test("a header of 60,000 by 60,000 pixels is refused, and one of another size than the picture")
  func sizes() throws {
    var bytes = try Fixtures.bytes("kinds/heic/profile.heic")
    let name = try #require(bytes.indices.first { bytes[$0...].starts(with: "ispe".utf8) })
    bytes.replaceSubrange(name + 8..<name + 16, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
    let large = failure { () throws(PreparationError) in try Self.pixels(.memory(bytes)) }
    #expect(large?.code == .tooManyPixels && large?.message.contains("60000") == true, "\(String(describing: large))")
    #expect(try Self.preparer.inspectBlocking(.memory(bytes)).size == ImageSize(width: 60_000, height: 60_000))
    bytes.replaceSubrange(name + 8..<name + 16, with: [0, 0, 0, 97, 0, 0, 0, 64])
    let other = failure { () throws(PreparationError) in try Self.pixels(.memory(bytes)) }
    #expect(other?.code == .corrupt, "\(String(describing: other))")
  }

  /// The description of a file by `inspect`.
  struct Header {
    let file: String
    var width = 53
    var height = 31
    var alpha = false
    var profile: String?
    var bits = 8
    var primaries: Int?
    var hasEXIF = false
  }

  @Test(
    "headers are described, upright",
    arguments: [
      Header(file: "heic/420-heif-enc.heic"), Header(file: "heic/alpha-heif-enc.heic", alpha: true),
      Header(file: "heic/444-10-heif-enc.heic", bits: 16), Header(file: "heic/grid.heic", width: 150, height: 100),
      Header(file: "heic/grid-irot1.heic", width: 100, height: 150),
      Header(file: "heic/irot3-exif6.heic", width: 64, height: 96, hasEXIF: true),
      Header(file: "heic/exif6.heic", width: 96, height: 64, hasEXIF: true),
      Header(file: "heic/profile.heic", width: 96, height: 64, profile: "sP3"),
      Header(file: "heic/display-p3-nclx.heic", width: 96, height: 64, primaries: 12),
      Header(file: "heic/bt2020-nclx.heic", width: 96, height: 64, primaries: 9),
      Header(file: "avif/444-avifenc.avif", primaries: 1), Header(file: "avif/profile-avifenc.avif", profile: "sP3"),
      Header(file: "avif/alpha-10-avifenc.avif", alpha: true, bits: 16, primaries: 1),
      Header(file: "avif/irot3-imir1-avifenc.avif", width: 31, height: 53, primaries: 1),
    ])
  func header(header: Header) throws {
    let found = try Self.preparer.inspectBlocking(.file(Fixtures.path("kinds/\(header.file)")))
    #expect(found.format.rawValue == header.file.prefix { $0 != "/" })
    #expect(found.storedSize == ImageSize(width: header.width, height: header.height))
    #expect(found.orientation == .upright && found.hasEXIF == header.hasEXIF)
    #expect(found.bitDepth == header.bits && found.hasAlpha == header.alpha)
    #expect(found.iccProfileName == header.profile && found.pngColor?.codePoints?.primaries == header.primaries)
  }

  @Test(
    "color spaces are converted, and a note names anything left out",
    arguments: [
      ("heic/display-p3-nclx.heic", "converted from the color space of its nclx property to sRGB"),
      ("heic/bt2020-nclx.heic", "converted from the color space of its nclx property to sRGB, before the resize"),
      ("avif/display-p3-nclx-avifenc.avif", "converted from the color space of its nclx property to sRGB"),
      ("heic/profile.heic", "converted from sP3 to sRGB"), ("heic/gain-map.heic", "gain map"),
    ])
  func note(file: String, note: String) throws {
    let image = try Self.preparer.prepareBlocking(.file(Fixtures.path("kinds/\(file)")), as: Recipe(size: .original))
    #expect(image.notes.contains { $0.contains(note) }, "\(image.notes)")
  }

  @Test("code points and a profile of one color space give the same colors")
  func codePoints() throws {
    func pixels(_ file: String) throws -> [UInt8] {
      let source = ImageSource.file(Fixtures.path("kinds/heic/\(file)"))
      return try Self.preparer.pixelsBlocking(of: source, as: Recipe(size: .original)).samples
    }
    let (points, profile) = (try pixels("display-p3-nclx.heic"), try pixels("profile.heic"))
    let largest = zip(points, profile).map { abs(Int($0) - Int($1)) }.max() ?? 255
    #expect(points.count == profile.count && largest <= 2, "they differ by \(largest)")
    #expect(points != (try pixels("exif6.heic")))
  }

  @Test("kept EXIF says that the result is upright")
  func keptEXIF() throws {
    let source = ImageSource.file(Fixtures.path("kinds/heic/irot3-exif6.heic"))
    var recipe = Recipe(size: .original, output: .jpeg())
    recipe.metadata = .keep
    let image = try Self.preparer.prepareBlocking(source, as: recipe)
    let written = try ImagePreparer().inspectBlocking(.memory(image.bytes))
    #expect(
      written.hasEXIF && written.orientation == .upright && written.storedSize == ImageSize(width: 64, height: 96))
  }

  @Test("the helper reports its libraries when it is asked for them")
  func report() throws {
    #expect(try Self.preparer.helperReport().contains("libheif"))
    #expect(Self.preparer.readableFormats.contains(.heic) && Self.preparer.readableFormats.contains(.avif))
  }
}
