import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Results of 16 bits per sample, compared with float64, libpng and pypng.
@Suite("Depth of results")
struct DepthTests {
  /// A PNG of 16 bits, whose rows have no filter.
  static func file(_ samples: [UInt16], _ size: ImageSize, channels: Int, chunks: [PNGFile.Chunk] = []) -> [UInt8] {
    let sides = PNGFile.bigEndian(UInt32(size.width)) + PNGFile.bigEndian(UInt32(size.height))
    let header: [UInt8] = sides + [16, [0, 4, 2, 6][channels - 1], 0, 0, 0]
    let rows = TestNoise.unfilteredRows(samples, perRow: size.width * channels)
    return PNGFile(
      chunks: [("IHDR", header)] + chunks + [("IDAT", GeneratedPNG.deflate(rows, level: 1)), ("IEND", [])]
    ).bytes
  }

  /// The samples of a PNG as libpng reads them, and its bits per sample.
  static func read(_ file: [UInt8]) throws -> (samples: [UInt16], bits: Int, channels: Int) {
    let image = try DecodedImage.decode(.memory(file))
    let samples =
      image.layout.bitDepth == 16
      ? unsafe image.bytes.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt16.self)) }
      : image.bytes.map(UInt16.init)
    return (samples, image.description.bitDepth, image.layout.channelCount)
  }

  struct Shape: Sendable, CustomTestStringConvertible {
    let (width, height, channels): (Int, Int, Int)
    var size: ImageSize { ImageSize(width: width, height: height) }
    var testDescription: String { "\(size), \(channels) channels" }

    init(_ width: Int, _ height: Int, _ channels: Int) {
      (self.width, self.height, self.channels) = (width, height, channels)
    }
  }

  /// Small images, and images that are encoded while their rows arrive.
  static let shapes = (1...4).flatMap { [Shape(1, 1, $0), Shape(61, 37, $0), Shape(311, 203, $0)] }

  @Test("a source of 16 bits at its own size is the same, bit for bit", arguments: shapes, Recipe.Compression.allCases)
  func sameSize(_ shape: Shape, _ compression: Recipe.Compression) throws {
    let samples = TestNoise.words(shape.size, channels: shape.channels)
    let source = ImageSource.memory(Self.file(samples, shape.size, channels: shape.channels))
    for recipe in [
      Recipe(samples: .data, output: .png(compression: compression)),
      Recipe(output: .png(compression: compression, bits: .sixteen)),
      Recipe(samples: .color(linear: true), output: .png(compression: compression, bits: .sixteen)),
    ] {
      let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
      let result = try Self.read(prepared.bytes)
      #expect(prepared.bits == 16 && result.bits == 16 && result.channels == shape.channels)
      #expect(result.samples == samples, "\(recipe.samples)")
      #expect(prepared.notes == [])
    }
  }

  @Test("every kernel makes the same file, on one thread and on two", .everyInstructionSet, arguments: [3, 4])
  func sameBytes(channels: Int) throws {
    let size = ImageSize(width: 401, height: 307)
    let source = ImageSource.memory(Self.file(TestNoise.words(size, channels: channels), size, channels: channels))
    let recipe = Recipe(size: .longestSide(333), output: .png(bits: .sixteen))
    let files = try InstructionSet.available.flatMap { set in
      try [1, 2].map {
        try ImagePreparer(instructionSet: set, limits: Limits(threads: $0)).prepareBlocking(source, as: recipe).bytes
      }
    }
    #expect(Set(files).count == 1)
  }

  /// The encoder gives up the search for matches in noise. It must search again when the content changes.
  @Test("noise costs its bits, and a flat or repeated part behind it next to nothing", arguments: [true, false])
  func noiseAndFlat(repeats: Bool) throws {
    let (band, flat) = (ImageSize(width: 700, height: 100), 900)
    var samples = TestNoise.words(band, channels: 3)
    let rest = repeats ? Array(samples.suffix(700 * 3)) : [UInt16](repeating: 31_000, count: 700 * 3)
    for _ in 0..<flat { samples += rest }
    let size = ImageSize(width: 700, height: 1_000)
    let source = ImageSource.memory(Self.file(samples, size, channels: 3))
    let prepared = try ImagePreparer().prepareBlocking(source, as: Recipe(samples: .data))
    #expect(try Self.read(prepared.bytes).samples == samples)
    let noise = band.pixelCount * 6
    #expect(prepared.bytes.count < noise + 15_000, "\(prepared.bytes.count) bytes, \(noise) of noise")
  }

  @Test("the plan has room for the image and three copies of data that do not shrink")
  func memory() throws {
    let size = ImageSize(width: 311, height: 203)
    let source = ImageSource.memory(Self.file(TestNoise.words(size, channels: 4), size, channels: 4))
    let prepared = try ImagePreparer().prepareBlocking(source, as: Recipe(output: .png(bits: .sixteen)))
    #expect(prepared.bytes.count > size.pixelCount * 7)
    #expect(prepared.plan.bufferBytes >= size.pixelCount * 8 + 3 * prepared.bytes.count)
  }

  @Test(
    "pypng reads the words that are in the tensor",
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: PrivacyTests.python.path),
      "pypng is not installed: Scripts/setup test installs it"), arguments: 1...4)
  func readByPython(channels: Int) throws {
    let size = ImageSize(width: 90, height: 60)
    let source = ImageSource.memory(Self.file(TestNoise.words(size, channels: channels), size, channels: channels))
    let recipe = Recipe(size: .longestSide(40), samples: .data)
    let format = TensorFormat(layout: .nhwc, range: 0...65_535)
    let prepared = try ImagePreparer().prepareBlocking(source, as: recipe, tensor: format)
    let file = TestFolder.url.appending(path: "gesso-depth-\(UUID().uuidString).png")
    try Data(prepared.bytes).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let script = """
      import sys, png
      width, height, rows, info = png.Reader(filename=sys.argv[1]).read()
      print(width, height, info["planes"], info["bitdepth"], *(sample for row in rows for sample in row))
      """
    let printed = try TensorTests.run([PrivacyTests.python.path, "-c", script, file.path])
    let numbers = printed.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    #expect(Array(numbers.prefix(4)) == [prepared.size.width, prepared.size.height, channels, 16])
    let values = try #require(prepared.tensor).values
    for pixel in 0..<prepared.size.pixelCount {
      for c in 0..<3 {
        let channel = channels < 3 ? 0 : c
        #expect(Float(numbers[4 + pixel * channels + channel]) == values[pixel * 3 + c])
      }
    }
  }

  @Test(
    "16-bit samples are resized to within 1 of float64, smaller and larger", arguments: shapes.filter { $0.width > 1 },
    ResamplingFilter.allCases)
  func resized(_ shape: Shape, _ filter: ResamplingFilter) throws {
    let samples = TestNoise.words(shape.size, channels: shape.channels)
    let source = ImageSource.memory(Self.file(samples, shape.size, channels: shape.channels))
    for side in [shape.width * 2 / 5, shape.width + 30] {
      let recipe = Recipe(size: .longestSide(side, enlarge: true), samples: .data, resamplingFilter: filter)
      let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
      let result = try Self.read(prepared.bytes)
      let reference = Float64Resize.resize(
        samples, size: shape.size, channels: shape.channels, to: prepared.size, filter: filter)
      let comparison = SampleComparison(result.samples, reference: reference, maximum: 65_535)
      #expect(result.bits == 16 && comparison.largest <= 1, "to \(prepared.size): \(comparison)")
    }
  }

  /// The products of color and alpha are rounded to 16 bits. So the error of a color is at most half a level divided by alpha.
  @Test("alpha is within 1 of float64, and colors under it within the rounding of products", arguments: [2, 4])
  func alpha(channels: Int) throws {
    let size = ImageSize(width: 301, height: 203)
    let samples = TestNoise.words(size, channels: channels)
    let source = ImageSource.memory(Self.file(samples, size, channels: channels))
    let recipe = Recipe(size: .longestSide(120), output: .png(bits: .sixteen))
    let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
    let result = try Self.read(prepared.bytes)
    var products: [Int] = []
    for (i, sample) in samples.enumerated() {
      let alpha = Int(samples[i / channels * channels + channels - 1])
      products.append(i % channels == channels - 1 ? alpha * 65_535 : Int(sample) * alpha)
    }
    let reference = Float64Resize.resize(products, size: size, channels: channels, to: prepared.size, filter: .lanczos3)
    for i in stride(from: 0, to: reference.count, by: channels) {
      let alpha = reference[i + channels - 1] / 65_535
      #expect(abs(Double(result.samples[i + channels - 1]) - min(max(alpha, 0), 65_535)) <= 0.51)
      guard alpha >= 64, alpha <= 65_535 else { continue }
      for c in 0..<channels - 1 {
        let color = min(max(reference[i + c] / alpha, 0), 65_535)
        #expect(abs(Double(result.samples[i + c]) - color) <= 0.51 + 65_535 * 1.6 / alpha, "under \(alpha)")
      }
    }
  }

  struct Decision: Sendable, CustomTestStringConvertible {
    let (file, recipe, bits): (String, Recipe, Int)
    let note: String?
    let format: EncodedFormat?
    let testDescription: String

    init(
      _ file: String, _ name: String, _ bits: Int, _ output: Recipe.Output, _ samples: Recipe.Samples = .color(),
      format: EncodedFormat? = nil, note: String? = nil
    ) {
      (self.file, self.bits, self.note, self.format) = (file, bits, note, format)
      recipe = Recipe(size: .longestSide(64), samples: samples, output: output)
      testDescription = "\(file), \(name)"
    }
  }

  static let lost = "rounded from 16 bits per sample to 8"
  static let decisions = [
    Decision("png/small-rgb16.png", "as a PNG", 8, .png(), note: lost),
    Decision("png/small-rgb16.png", "in 8 bits", 8, .png(bits: .eight), .data, note: lost),
    Decision("png/small-rgb16.png", "in 16 bits", 16, .png(bits: .sixteen)),
    Decision(
      "png/small-rgb16.png", "data", 16, .auto(), .data, format: .png,
      note: "PNG, because a JPEG has no 16 bits per sample"),
    Decision("png/small-gray16.png", "data as a PNG", 16, .png(), .data),
    Decision("png/small-gray16.png", "data as a JPEG", 8, .jpeg(), .data, note: lost + ", because a JPEG has no more"),
    Decision("png/soft-alpha-rgba16.png", "in 16 bits", 16, .auto(bits: .sixteen), format: .png),
    Decision("png/small-rgb8.png", "data", 8, .png(), .data),
    Decision(
      "png/small-rgb8.png", "in 16 bits", 16, .png(bits: .sixteen),
      note: "16 bits per sample are no finer than the 8 of the source"),
    Decision("jpeg/small-420.jpg", "in 16 bits", 16, .auto(bits: .sixteen), format: .png, note: "no finer"),
    Decision("png/flat-palette4.png", "in 16 bits", 16, .png(bits: .sixteen), note: "no finer"),
  ]

  @Test("a result has 16 bits where it is asked for, and where data has them", arguments: decisions)
  func decided(_ decision: Decision) throws {
    let prepared = try ImagePreparer().prepareBlocking(.file(Fixtures.path(decision.file)), as: decision.recipe)
    #expect(prepared.bits == decision.bits)
    #expect(prepared.format == decision.format ?? (decision.recipe.output.format == .jpeg ? .jpeg : .png))
    if decision.bits == 16 { #expect(try Self.read(prepared.bytes).bits == 16) }
    let notes = prepared.notes.filter { $0.contains("bits per sample") }
    if let note = decision.note {
      #expect(notes.contains { $0.contains(note) }, "\(prepared.notes)")
    } else {
      #expect(notes.allSatisfy { $0.hasPrefix("PNG") }, "\(prepared.notes)")
    }
  }

  @Test("bytes become the words that mean the same")
  func widened() throws {
    let source = ImageSource.file(Fixtures.path("png/soft-alpha-rgba8.png"))
    let bytes = try ImagePreparer().pixelsBlocking(of: source, as: Recipe(size: .longestSide(50)))
    let recipe = Recipe(size: .longestSide(50), output: .png(bits: .sixteen))
    let words = try Self.read(try ImagePreparer().prepareBlocking(source, as: recipe).bytes)
    #expect(words.bits == 16 && words.samples == bytes.samples.map { UInt16($0) * 257 })
  }

  @Test("a tensor has every level of a gray ramp, whatever the file has", arguments: [Recipe.Samples.data, .color()])
  func tensorLevels(_ samples: Recipe.Samples) throws {
    let size = ImageSize(width: 2_048, height: 8)
    let ramp = (0..<size.pixelCount).map { UInt16(20_000 + $0 % 2_048) }
    let source = ImageSource.memory(Self.file(ramp, size, channels: 1))
    let format = TensorFormat(layout: .nhwc)
    for tensor in [
      try ImagePreparer().tensorBlocking(of: source, as: Recipe(size: .original, samples: samples), format),
      try #require(
        try ImagePreparer().prepareBlocking(
          source, as: Recipe(size: .original, samples: samples, output: .jpeg()), tensor: format
        ).tensor),
    ] {
      #expect(Set(tensor.values).count == 2_048)
      for x in 0..<2_048 { #expect(tensor.values[x * 3] == Float((Double(20_000 + x) / 65_535))) }
    }
  }

  @Test("flattened in all 16 bits, as float64 has it", arguments: [false, true], [2, 4])
  func flattened(linear: Bool, channels: Int) throws {
    let size = ImageSize(width: 64, height: 50)
    let samples = TestNoise.words(size, channels: channels)
    let background = BackgroundColor(red: 20, green: 130, blue: 240)
    let recipe = Recipe(
      size: .original, samples: .color(linear: linear), background: background, output: .png(bits: .sixteen))
    let result = try Self.read(
      try ImagePreparer().prepareBlocking(
        .memory(Self.file(samples, size, channels: channels)), as: recipe
      ).bytes)
    let colors = [20.0, 130, 240].map { $0 / 255 }
    var reference: [Double] = []
    for pixel in 0..<size.pixelCount {
      let alpha = Double(samples[pixel * channels + channels - 1]) / 65_535
      for c in 0..<3 {
        let color = Double(samples[pixel * channels + (channels == 4 ? c : 0)]) / 65_535
        reference.append(
          65_535
            * (linear
              ? TransferFunction.encoded(
                TransferFunction.linear(color) * alpha + TransferFunction.linear(colors[c]) * (1 - alpha))
              : color * alpha + colors[c] * (1 - alpha)))
      }
    }
    let comparison = SampleComparison(result.samples, reference: reference, maximum: 65_535)
    #expect(comparison.different == 0, "\(comparison)")
  }

  @Test("padded and turned, with the words of the source")
  func padded() throws {
    let size = ImageSize(width: 3, height: 2)
    let samples = TestNoise.words(size, channels: 1)
    let exif = MetadataTests.tiff([MetadataTests.orientation(6)])
    let file = Self.file(samples, size, channels: 1, chunks: [("eXIf", exif)])
    let recipe = Recipe(
      size: .box(4, 3, .pad), background: BackgroundColor(red: 1, green: 2, blue: 255), output: .png(bits: .sixteen))
    let result = try Self.read(try ImagePreparer().prepareBlocking(.memory(file), as: recipe).bytes)
    let bar: [UInt16] = [257, 514, 65_535]
    // After a quarter turn to the right, the left column, read from the bottom, is the top row.
    let rows = (0..<3).map { x in [samples[3 + x], samples[x]].flatMap { [$0, $0, $0] } }
    #expect(result.samples == rows.flatMap { bar + $0 + bar })
  }

  /// If all alpha values are opaque in 8 bits, the photograph does not become a PNG.
  @Test("alpha that is opaque in the bits of the result is left out")
  func nearlyOpaque() throws {
    let size = ImageSize(width: 20, height: 10)
    var samples = TestNoise.words(size, channels: 4)
    for i in stride(from: 3, to: samples.count, by: 4) { samples[i] = i % 8 == 3 ? 65_407 : 65_535 }
    let source = ImageSource.memory(Self.file(samples, size, channels: 4))
    #expect(try ImagePreparer().prepareBlocking(source).format == .jpeg)
    #expect(
      try Self.read(try ImagePreparer().prepareBlocking(source, as: Recipe(output: .png(bits: .sixteen))).bytes)
        .channels == 4)
    samples[3] = 65_406
    #expect(try ImagePreparer().prepareBlocking(.memory(Self.file(samples, size, channels: 4))).format == .png)
  }

  @Test(
    "colors of 16 bits are those of lcms2 in double precision, to rounding and a tenth of a level",
    arguments: ColorSpaceTests.cases.filter { $0.isConverted && $0.name.hasPrefix("16-bit") })
  func color(_ example: ColorSpaceTests.Case) throws {
    let expected = try ColorSpaceTests.values("color/spaces/expected.bin", at: example.offset, count: 625 * 3)
    let recipe = Recipe(size: .original, output: .png(bits: .sixteen))
    let source = ImageSource.file(Fixtures.path("color/spaces/\(example.name).png"))
    let result = try Self.read(try ImagePreparer().prepareBlocking(source, as: recipe).bytes)
    var largest = 0.0
    for pixel in 0..<625 {
      for c in 0..<3 {
        let exact = min(max(expected[pixel * 3 + c], 0), 1) * 65_535
        largest = max(
          largest, abs(Double(result.samples[pixel * result.channels + (result.channels < 3 ? 0 : c)]) - exact))
      }
    }
    print("\(example.name): \(largest) levels of 65 535")
    #expect(largest <= 0.6)
  }

  /// Light is summed in steps of 1/65,535. Near black one step is 13 levels of 65,535, which is a twentieth of a level of 255.
  @Test("a resize in linear light is as exact as light in 65 535ths is", arguments: [1, 3])
  func linear(channels: Int) throws {
    let size = ImageSize(width: 301, height: 203)
    let samples = TestNoise.words(size, channels: channels)
    let recipe = Recipe(
      size: .longestSide(120), samples: .color(linear: true), output: .png(bits: .sixteen))
    let prepared = try ImagePreparer().prepareBlocking(
      .memory(Self.file(samples, size, channels: channels)), as: recipe)
    let result = try Self.read(prepared.bytes)
    let light = samples.map { Int(TransferFunction.linear(Double($0) / 65_535) * 0x1p40) }
    let reference = Float64Resize.resize(light, size: size, channels: channels, to: prepared.size, filter: .lanczos3)
    for (sample, value) in zip(result.samples, reference) {
      let amount = min(max(value * 0x1p-40, 0), 1)
      func encoded(_ light: Double) -> Double { TransferFunction.encoded(min(max(light, 0), 1)) * 65_535 }
      #expect(
        Double(sample) >= encoded(amount - 1.1 / 65_535) - 0.5 && Double(sample) <= encoded(amount + 1.1 / 65_535) + 0.5
      )
    }
  }
}
