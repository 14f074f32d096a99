import CZlib
import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Work checks the flag at least once for every 64 rows or 1 MiB. The tests count the checks.
@Suite("Looks at the flag")
struct CancellationLookTests {
  static let rows = 6_400
  /// The smallest number of checks: one for every 64 rows.
  static let least = rows / 64

  // MARK: Decoding

  /// An image of 64 by 6,400 pixels in one kind of file.
  struct Source: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// True if all rows are decoded before the first one is delivered.
    var isWhole = false
    var policy = DamagePolicy.truncated
    let bytes: @Sendable () throws -> [UInt8]
  }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A PNG whose data are zeros under filter 0, for all rows or for the seven passes.
  private static func png(interlaced: Bool) -> [UInt8] {
    let passes = [
      (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ]
    let count = (interlaced ? passes : [(0, 0, 1, 1)]).reduce(0) { sum, pass in
      let (left, top, columns, lines) = pass
      return sum + (rows - top + lines - 1) / lines * (1 + 3 * ((64 - left + columns - 1) / columns))
    }
    let header = PNGFile.bigEndian(64) + PNGFile.bigEndian(UInt32(rows)) + [8, 2, 0, 0, interlaced ? 1 : 0]
    let data = GeneratedPNG.deflate([UInt8](repeating: 0, count: count))
    return PNGFile(chunks: [("IHDR", header), ("IDAT", data), ("IEND", [])]).bytes
  }

  /// A GIF of literal codes of 9 bits. A clear code comes each time before the dictionary would make the codes longer (GIF89a, appendix F).
  private static func gif(interlaced: Bool) -> [UInt8] {
    var codes: [UInt8] = []
    var (pending, count) = (0, 0)
    func bytes(_ code: Int) -> [UInt8] {
      pending |= code << count
      count += 9
      var whole: [UInt8] = []
      while count >= 8 {
        whole.append(UInt8(pending & 255))
        (pending, count) = (pending >> 8, count - 8)
      }
      return whole
    }
    for pixel in 0..<64 * rows {
      if pixel % 200 == 0 { codes += bytes(256) }
      codes += bytes(pixel % 7)
    }
    codes += bytes(257) + [UInt8(pending & 255)]
    var file = Array("GIF89a".utf8) + little(64, 2) + little(rows, 2) + [0xF7, 0, 0]
    file += (0..<256).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
    file += [0x2C, 0, 0, 0, 0] + little(64, 2) + little(rows, 2) + [interlaced ? 0x40 : 0, 8]
    for start in stride(from: 0, to: codes.count, by: 255) {
      let block = codes[start..<min(start + 255, codes.count)]
      file += [UInt8(block.count)] + block
    }
    return file + [0, 0x3B]
  }

  private static func tiff() -> [UInt8] {
    let entries = [
      TIFFEntry(0x0100, shorts: [64]), TIFFEntry(0x0101, shorts: [rows]), TIFFEntry(0x0102, shorts: [8]),
      TIFFEntry(0x0103, shorts: [1]), TIFFEntry(0x0106, shorts: [1]),
      // The single strip with the pixels follows the directory. Before the strip there are the header, the number of entries, 8 entries,
      // and 4 bytes.
      TIFFEntry(0x0111, type: 4, count: 1, value: PNGFile.bigEndian(8 + 2 + 8 * 12 + 4)),
      TIFFEntry(0x0115, shorts: [1]),
      TIFFEntry(0x0117, type: 4, count: 1, value: PNGFile.bigEndian(UInt32(64 * rows))),
    ]
    return TIFFEntry.structure(entries) + [UInt8](repeating: 99, count: 64 * rows)
  }

  static let pixels = PixelImage(
    size: ImageSize(width: 64, height: rows), channels: 3, samples: [UInt8](repeating: 90, count: 64 * rows * 3))

  static let sources = [
    Source(testDescription: "PNG") { png(interlaced: false) },
    Source(testDescription: "interlaced PNG", isWhole: true) { png(interlaced: true) },
    Source(testDescription: "interlaced PNG, with damage", isWhole: true, policy: .none) {
      var bytes = png(interlaced: true)
      bytes.removeLast(40)
      return bytes
    },
    Source(testDescription: "JPEG") { try ImagePreparer().encodeJPEGBlocking(pixels) },
    Source(testDescription: "JPEG with restart markers") {
      RestartJPEG(width: 64, height: rows, sampling: RestartIntervalTests.yuv420, interval: 4).bytes()
    },
    Source(testDescription: "progressive JPEG", isWhole: true, policy: .none) {
      try DecodingLimitTests.resized("jpeg/coded/420-progressive.jpg", width: 64, height: UInt32(rows))
    },
    Source(testDescription: "JPEG of several scans", isWhole: true, policy: .none) {
      try DecodingLimitTests.resized("jpeg/coded/420-scans.jpg", width: 64, height: UInt32(rows))
    },
    Source(testDescription: "GIF") { gif(interlaced: false) },
    Source(testDescription: "interlaced GIF", isWhole: true) { gif(interlaced: true) },
    Source(testDescription: "BMP") {
      let data = [UInt8](repeating: 7, count: 64 * 3 * rows)
      return Array("BM".utf8) + little(54 + data.count, 4) + little(0, 4) + little(54, 4) + little(40, 4)
        + little(64, 4)
        + little(rows, 4) + little(1, 2) + little(24, 2) + [UInt8](repeating: 0, count: 24) + data
    },
    Source(testDescription: "TGA") {
      [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0] + little(64, 2) + little(rows, 2) + [24, 0]
        + [UInt8](repeating: 7, count: 64 * 3 * rows)
    },
    Source(testDescription: "PSD") {
      Array("8BPS".utf8) + [0, 1] + [UInt8](repeating: 0, count: 6) + [0, 3] + PNGFile.bigEndian(UInt32(rows))
        + PNGFile.bigEndian(64) + [0, 8, 0, 3] + [UInt8](repeating: 0, count: 12) + [0, 0]
        + [UInt8](repeating: 7, count: 64 * 3 * rows)
    },
    Source(testDescription: "TIFF") { tiff() },
    Source(testDescription: "WebP", isWhole: true) {
      try ImagePreparer().prepareBlocking(
        .memory(png(interlaced: false)), as: Recipe(size: .original, output: .webp())
      ).bytes
    },
  ]

  /// Counts the checks of the decoder itself and the strips that it delivers, because a run checks the flag before each strip.
  @Test("every kind of file is decoded with a look for every 64 rows", arguments: sources)
  func decoding(source: Source) throws {
    let flag = CancellationFlag()
    let decoder = try SourceDecoder(
      opening: .memory(source.bytes()), limits: Limits(threads: 1), policy: source.policy, cancellation: flag)
    let description = decoder.description
    #expect(description.storedSize == ImageSize(width: 64, height: Self.rows))
    let layout = RowLayout(channels: description.decodedChannels, bitDepth: description.decodedBits, width: 64)
    let plane = StripPlane(
      layout: layout, height: Self.rows, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)
    #expect(RowStrip.rows <= 64)
    var before = flag.looks
    let strips = try decoder.strips(
      DecodingPlan(form: .rows, scale: .full, planes: [plane], conversion: nil, threads: 1), kernels: KernelTable(.best)
    )
    let ring = RowRing(stripRows: plane.stripRows, rowBytes: plane.rowBytes, window: 1, ahead: 0)
    try strips.readStrip(0, into: [ring])
    if source.isWhole, source.testDescription != "WebP" {
      #expect(flag.looks - before >= Self.least, "\(flag.looks - before) looks before the first row")
    }
    before = flag.looks - before
    for index in 1..<strips.stripCount { try strips.readStrip(index, into: [ring]) }
    try strips.finish()
    #expect(before + strips.stripCount >= Self.least)
  }

  @Test("a run looks at least once for every strip of a source, and of a result", arguments: sources)
  func run(source: Source) throws {
    let bytes = try source.bytes()
    let preparer = ImagePreparer(limits: Limits(threads: 1))
    for output in [Recipe.Output.png(), .jpeg()] {
      let flag = CancellationFlag()
      _ = try preparer.prepareBlocking(
        .memory(bytes), as: Recipe(size: .original, output: output, failOn: source.policy), cancellation: flag)
      #expect(flag.looks >= Self.rows / RowStrip.rows, "\(output.format): \(flag.looks)")
    }
  }

  // MARK: Finishing

  struct Step: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var channels = RowLayout.Channels.rgb
    let step: @Sendable () throws -> FinishingStep
    /// The bytes for each pixel of the image that is made first, beside the image and its result: with hue or alpha for padding, without
    /// alpha for a tensor.
    var between = 0
    /// The same step on the whole image at once; nil if another test compares the pixels.
    var whole: (@Sendable (Raster) throws -> Raster)?
  }

  private static func conversion() throws -> ProfileConversion {
    try ProfileConversion(
      profile: Fixtures.bytes("icc/DisplayP3-v4.icc"), channels: .rgb, bitDepth: 8, kernels: KernelTable(.best))
  }

  static let flattening = AlphaHandling.flatten(BackgroundColor(hex: "#102030")!, linear: false)

  static let steps = [
    Step(testDescription: "turning", step: { .turn(.turnRight) }),
    Step(testDescription: "mirroring", step: { .turn(.mirrored) }),
    Step(testDescription: "colors", step: { .convertColor(try conversion()) }, whole: { try conversion().convert($0) }),
    Step(
      testDescription: "alpha", channels: .rgba,
      step: { .settleAlpha(AlphaRule(bits: 8, whereOpaque: .drop, elsewhere: flattening, note: nil)) },
      whole: { $0.flattened(on: BackgroundColor(hex: "#102030")!) }),
    Step(
      testDescription: "padding",
      step: { .pad(ImageSize(width: 70, height: rows + 9), x: 3, y: 4, fill: BackgroundColor(hex: "#102030")) }),
    Step(
      testDescription: "transparent padding",
      step: { .pad(ImageSize(width: 70, height: rows + 9), x: 3, y: 4, fill: nil) }, between: 4),
    Step(
      testDescription: "padding of gray with a color", channels: .gray,
      step: { .pad(ImageSize(width: 70, height: rows + 9), x: 3, y: 4, fill: BackgroundColor(hex: "#102030")) },
      between: 3),
    Step(
      testDescription: "transparent padding of gray", channels: .gray,
      step: { .pad(ImageSize(width: 70, height: rows + 9), x: 3, y: 4, fill: nil) }, between: 2),
    Step(testDescription: "depth", step: { .changeDepth(bits: 16) }, whole: { $0.withDepth(16) }),
    Step(
      testDescription: "a tensor of planes",
      step: { .makeTensor(.nchw, tables: try TensorFormat().tables(), alpha: flattening) }),
    Step(
      testDescription: "a tensor of pixels", channels: .rgba,
      step: { .makeTensor(.nhwc, tables: try TensorFormat().tables(), alpha: flattening) }, between: 3),
  ]

  static func noise(_ channels: RowLayout.Channels) -> Raster {
    var random = SplitMix64(seed: 5)
    var raster = Raster(size: ImageSize(width: 16, height: rows), channels: channels, bitDepth: 8)
    for index in raster.bytes.indices { raster.bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
    // Only the last row is not opaque, so that the search for transparent pixels reads all rows.
    if channels.hasAlpha { for i in stride(from: 3, to: raster.bytes.count - 64, by: 4) { raster.bytes[i] = 255 } }
    return raster
  }

  @Test("every finishing step has a row in this table")
  func everyStep() throws {
    // Planes are merged while rows arrive, and converted while they are encoded. The change to 8 bits has the code of that to 16.
    let others: Set<FinishingStep.Word> = [.mergePlanes, .convertPlanes, .changeDepthTo8]
    let tried = try Set(Self.steps.map { try $0.step().word })
    #expect(tried.isDisjoint(with: others) && tried.union(others) == Set(FinishingStep.Word.allCases))
  }

  @Test("a plan counts the memory of every step, of the image before it, and of one between them", arguments: steps)
  func memory(step: Step) throws {
    let raster = Self.noise(step.channels)
    var memory = UnfinishedMemory(
      bytes: raster.bytes.count, bitDepth: raster.bitDepth, channels: raster.channels, size: raster.size)
    var image = UnfinishedImage(planes: [raster])
    let work = try step.step()
    work.count(in: &memory)
    try work.apply(to: &image, nil)
    let (made, tensor) = (image.planes[0].bytes.count, (image.tensor?.values.count ?? 0) * MemoryLayout<Float>.size)
    #expect(memory.bytes >= made && memory.tensorBytes == tensor, "\(memory)")
    let isReplaced = image.planes[0].bytes != raster.bytes
    let between = step.between * raster.size.pixelCount
    #expect(memory.most >= raster.bytes.count + between + tensor + (isReplaced ? made : 0), "\(memory)")
  }

  @Test("every step on the whole result looks for every 64 rows, stops, and has the same pixels", arguments: steps)
  func finishing(step: Step) throws {
    let raster = Self.noise(step.channels)
    let flag = CancellationFlag()
    var image = UnfinishedImage(planes: [raster])
    try step.step().apply(to: &image, flag)
    // The turned image has only 16 rows.
    let least = step.testDescription == "turning" ? 1 : Self.least
    #expect(flag.looks >= least, "\(flag.looks)")
    if let whole = step.whole { #expect(try image.planes[0].bytes == whole(raster).bytes) }
    flag.cancel()
    var other = UnfinishedImage(planes: [raster])
    let error = failure { () throws(PreparationError) in
      guard let step = try? step.step() else { return }
      try step.apply(to: &other, flag)
    }
    #expect(error?.code == .canceled)
  }

  @Test("a tensor in bands has the values of its table", arguments: [TensorFormat.Layout.nchw, .nhwc])
  func tensor(layout: TensorFormat.Layout) throws {
    let raster = Self.noise(.rgb)
    let tables = try TensorFormat(mean: [0.25, 0.5, 0.75]).tables()
    let tensor = try raster.tensor(layout: layout, tables: tables, alpha: .drop)
    let pixels = raster.size.pixelCount
    let isExact = (0..<pixels * 3).allSatisfy { sample in
      let (pixel, channel) = (sample / 3, sample % 3)
      let place = layout == .nchw ? channel * pixels + pixel : sample
      return tensor.values[place] == tables[channel * 256 + Int(raster.bytes[sample])]
    }
    #expect(isExact)
  }

  // MARK: Encoding, restoring

  /// The rows of a PNG are compressed in batches of half a megabyte. For this image there are fewer batches than bands of 64 rows.
  @Test(
    "encoders look for every 64 rows or 1 MiB",
    arguments: [("png", 16 * rows * 3 / (1 << 20) + 1), ("few colors", least), ("jpeg", least)])
  func encoding(format: String, least: Int) throws {
    let flag = CancellationFlag()
    let preparer = ImagePreparer()
    let noise = Self.noise(.rgb)
    let image = PixelImage(size: noise.size, channels: 3, samples: noise.bytes)
    switch format {
    case "png": _ = try preparer.encodePNGBlocking(image, cancellation: flag)
    case "few colors": _ = try preparer.encodePNGBlocking(Self.pixels, cancellation: flag)
    default: _ = try preparer.encodeJPEGBlocking(image, cancellation: flag)
    }
    #expect(flag.looks >= least, "\(flag.looks)")
  }

  /// The work on a large file that is not done row by row.
  @Test("bytes that are copied are copied with a look for every MiB")
  func copying() throws {
    let count = 8 << 20
    let header = PNGFile.bigEndian(64) + PNGFile.bigEndian(64) + [8, 2, 0, 0, 0]
    let file = PNGFile(
      chunks: [("IHDR", header), ("IDAT", [UInt8](repeating: 7, count: count)), ("IEND", [])]
    ).bytes
    let path = TestFolder.url.appending(path: "copied.png")
    try Data(file).write(to: path)
    let stripping = CancellationFlag()
    _ = try ImagePreparer().strippedBlocking(.file(path.path), cancellation: stripping)
    // The file is read in parts of 64 KiB, and its image data are copied. Copying and the headers need only 15 checks.
    #expect(stripping.looks >= count >> 16, "\(stripping.looks)")

    let encoding = CancellationFlag()
    let form = try PNGEncoderForm(Self.noise(.rgb), keepsColor: false, cancellation: nil)
    var writer = try PNGWriter(form, color: .srgb, dataBytes: file.count, cancellation: encoding)
    try unsafe file.withUnsafeBufferPointer { bytes throws(PreparationError) in try unsafe writer.write(bytes) }
    let written = writer.finish()
    #expect(encoding.looks >= 8, "\(encoding.looks)")
    let chunk = try #require(written.firstRange(of: Array("IDAT".utf8))).lowerBound
    #expect(Array(written[chunk - 4..<chunk]) == PNGFile.bigEndian(UInt32(file.count)), "all data are in one chunk")
  }

  @Test("the blocks behind the first image of a GIF are searched with a look for every MiB")
  func searching() throws {
    let blocks = [UInt8](repeating: 255, count: 256)
    var file = Self.gif(interlaced: false)
    file.removeLast()
    file += [0x21, 0xFE] + [[UInt8]](repeating: blocks, count: 8 << 12).joined() + [0, 0x3B]
    let flag = CancellationFlag()
    _ = try ImagePreparer().inspectBlocking(.memory(file), cancellation: flag)
    #expect(flag.looks >= 8, "\(flag.looks)")
  }

  @Test("restoring and compositing look for every 64 rows of the canvas")
  func restoring() throws {
    let source = ImageSource.memory(Self.png(interlaced: false))
    let preparer = ImagePreparer(limits: Limits(threads: 1))
    let prepared = try preparer.prepareBlocking(source, as: Recipe(size: .longestSide(640)))
    let flag = CancellationFlag()
    _ = try preparer.restoreBlocking(.memory(prepared.bytes), onto: prepared.geometry, cancellation: flag)
    // The canvas is first cleared and then filled.
    #expect(flag.looks >= 2 * Self.least, "\(flag.looks)")
    let before = flag.looks
    _ = try preparer.compositeBlocking(
      .memory(prepared.bytes), onto: source, by: prepared.geometry, feather: 2, cancellation: flag)
    #expect(flag.looks - before >= 5 * Self.least, "\(flag.looks - before)")
  }
}
