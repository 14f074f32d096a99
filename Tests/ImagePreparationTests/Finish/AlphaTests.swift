import Foundation
import ImagePreparation
import TestSupport
import Testing

/// The handling of alpha, depth and data in whole preparations is compared with its definitions.
@Suite("Alpha, depth and data")
struct AlphaTests {
  static let colors: [[UInt8]] = [[255, 0, 0], [1, 2, 3], [254, 128, 0], [77, 77, 77], [0, 200, 255]]

  @Test(
    "one color under soft alpha stays that color to 1/255 wherever alpha is 8 or more; hidden colors never show",
    arguments: colors,
    [(37, false), (100, false), (180, false), (301, false), (37, true), (100, true), (180, true), (301, true)])
  func oneColor(_ color: [UInt8], _ example: (side: Int, linear: Bool)) throws {
    #if DEBUG
    let largeSize = ImageSize(width: 331, height: 103)
    #else
    let largeSize = ImageSize(width: 1201, height: 503)
    #endif
    let size = example.side < 300 ? ImageSize(width: 181, height: 127) : largeSize
    let source = TestNoise.softAlpha(color, hidden: color.map { 255 - $0 }, size: size)
    let recipe = Recipe(
      size: .longestSide(example.side), samples: .color(linear: example.linear), output: .png())
    let bytes = try ImagePreparer().encodePNGBlocking(source)
    let result = try ImagePreparer().pixelsBlocking(of: .memory(bytes), as: recipe)
    #expect(result.channels == 4)
    var checked = 0
    for i in stride(from: 0, to: result.samples.count, by: 4) where result.samples[i + 3] >= 8 {
      checked += 1
      for c in 0..<3 where abs(Int(result.samples[i + c]) - Int(color[c])) > 1 {
        Issue.record("\(result.samples[i..<i + 4])")
      }
    }
    #expect(checked > result.size.pixelCount / 2)
  }

  /// A mask as painting programs store it: white strokes over transparent black. If it is flattened first, the mean of its pixels is the
  /// share that is painted.
  @Test(
    "data that is flattened equals data that was flattened first, whatever color is hidden",
    arguments: [0, 255, 77] as [UInt8], [9, 23, 50])
  func flattenedData(hidden: UInt8, side: Int) throws {
    let size = ImageSize(width: 101, height: 101)
    var random = SplitMix64(seed: 11)
    let alphas = (0..<size.pixelCount).map { i in
      i % 7 < 3 ? UInt8(truncatingIfNeeded: random.next()) : i % 2 == 0 ? 255 : 0
    }
    func png(_ channels: Int, _ pixel: (UInt8) -> [UInt8]) throws -> ImageSource {
      .memory(
        try ImagePreparer().encodePNGBlocking(
          PixelImage(size: size, channels: channels, samples: alphas.flatMap(pixel))))
    }
    let strokes = try png(4) { alpha in Array(repeating: alpha == 0 ? hidden : 255, count: 3) + [alpha] }
    let flat = try png(1) { [$0] }
    let recipe = Recipe(
      size: .longestSide(side), samples: .data, resamplingFilter: .box,
      background: BackgroundColor(red: 0, green: 0, blue: 0), output: .png())
    let ours = try ImagePreparer().pixelsBlocking(of: strokes, as: recipe)
    let expected = try ImagePreparer().pixelsBlocking(of: flat, as: recipe)
    #expect(ours.size == expected.size && ours.channels == 3 && expected.channels == 1)
    for i in 0..<expected.samples.count {
      let difference = abs(Int(ours.samples[3 * i]) - Int(expected.samples[i]))
      if difference > 2 { Issue.record("pixel \(i): \(ours.samples[3 * i]) instead of \(expected.samples[i])") }
    }
  }

  @Test("at 16 bits the color stays the same to an eighth of that", arguments: colors, [37, 100])
  func oneColorInWords(_ color: [UInt8], side: Int) {
    let size = ImageSize(width: 181, height: 127)
    let bytes = TestNoise.softAlpha(color, hidden: color.map { 255 - $0 }, size: size)
    let words = PixelImage<UInt16>(size: size, channels: 4, samples: bytes.samples.map { UInt16($0) * 257 })
    let result = words.resized(to: ImageSize(width: side, height: side * 127 / 181))
    for i in stride(from: 0, to: result.samples.count, by: 4) where result.samples[i + 3] >= 8 * 257 {
      for c in 0..<3 { #expect(abs(Int(result.samples[i + c]) - Int(color[c]) * 257) <= 32) }
    }
  }

  @Test("transparency is flattened on the background, in sRGB samples or in linear light", arguments: [false, true])
  func flattened(linear: Bool) throws {
    let background = BackgroundColor(red: 255, green: 128, blue: 3)
    let alphas = (0...UInt8.max).flatMap { alpha -> [UInt8] in [10, 128, 250, alpha] }
    let source = PixelImage<UInt8>(size: ImageSize(width: 256, height: 1), channels: 4, samples: alphas)
    let recipe = Recipe(samples: .color(linear: linear), background: background)
    let image = try ImagePreparer().pixelsBlocking(
      of: .memory(try ImagePreparer().encodePNGBlocking(source)), as: recipe)
    #expect(image.channels == 3)
    func light(_ v: Double) -> Double { linear ? (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)) : v }
    func encoded(_ v: Double) -> Double {
      linear ? (v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055) : v
    }
    for x in 0..<256 {
      let alpha = Double(x) / 255
      for (c, (color, ground)) in zip([10.0, 128, 250], [255.0, 128, 3]).enumerated() {
        let mixed = light(color / 255) * alpha + light(ground / 255) * (1 - alpha)
        let sample = Double(image.samples[x * 3 + c])
        #expect(abs(sample - encoded(mixed) * 255) <= 0.52, "alpha \(x), channel \(c)")
      }
    }
  }

  @Test(
    "an opaque image is padded with white or the background, whatever the format",
    arguments: ["jpeg/small-444.jpg", "jpeg/small-gray.jpg", "png/small-rgb8.png"],
    [Recipe.Output.auto(), .png(), .jpeg()])
  func opaquePadding(_ file: String, output: Recipe.Output) throws {
    for background in [nil, BackgroundColor(red: 40, green: 90, blue: 160)] as [BackgroundColor?] {
      let recipe = Recipe(size: .box(300, 300, .pad), background: background, output: output)
      let prepared = try ImagePreparer().prepareBlocking(.file(Fixtures.path(file)), as: recipe)
      let image = try ImagePreparer().pixelsBlocking(of: .memory(prepared.bytes), as: Recipe(size: .original))
      #expect(image.size == ImageSize(width: 300, height: 300) && image.channels != 2 && image.channels != 4)
      let color: [UInt8] = background.map { [$0.red, $0.green, $0.blue] } ?? [255, 255, 255]
      for c in 0..<min(image.channels, 3) {
        // JPEG is lossy.
        #expect(abs(Int(image.samples[c]) - Int(color[c])) <= (prepared.format == .jpeg ? 3 : 0))
      }
    }
  }

  @Test("a resize in linear light equals float64", arguments: TestPattern.hard, [(181, 127, 60), (1201, 503, 301)])
  func light(_ pattern: TestPattern, _ example: (width: Int, height: Int, side: Int)) throws {
    // The dots are gray, so the file stores one channel.
    for channels in pattern == .dots ? [1] : [1, 3] {
      let source = pattern.image(ImageSize(width: example.width, height: example.height), channels: channels)
      let recipe = Recipe(size: .longestSide(example.side), samples: .color(linear: true), output: .png())
      let file = try ImagePreparer().encodePNGBlocking(source, compression: .fast)
      let result = try ImagePreparer().pixelsBlocking(of: .memory(file), as: recipe)
      try #require(result.channels == channels)
      let light = source.samples.map { sample -> Int in
        let v = Double(sample) / 255
        return Int((v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)) * 0x1p30)
      }
      let reference = Float64Resize.resize(
        light, size: source.size, channels: channels, to: result.size, filter: recipe.resamplingFilter
      ).map { sum -> Double in
        let v = max(0, min(sum * 0x1p-30, 1))
        return (v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055) * 255
      }
      let comparison = SampleComparison(result.samples, reference: reference)
      #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(channels): \(comparison)")
    }
  }

  @Test("16-bit gray keeps 256 levels of 256", arguments: [false, true])
  func levels(linear: Bool) throws {
    let recipe = Recipe(size: .longestSide(256), samples: .color(linear: linear))
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("color/gray16-levels.png")), as: recipe)
    #expect(image.size == ImageSize(width: 256, height: 16) && image.channels == 1)
    for y in 0..<16 { #expect(Set(image.samples[y * 256..<(y + 1) * 256]).count == 256) }
    if !linear { #expect(Array(image.samples[8..<248]) == Array(8..<248)) }
  }

  @Test(
    "data is neither converted nor linearized",
    arguments: ["prophoto-v4", "gama-1.0", "cicp-display-p3", "16-bit-prophoto-v4"])
  func data(_ name: String) throws {
    let source = ImageSource.file(Fixtures.path("color/spaces/\(name).png"))
    var recipe = Recipe(samples: .data)
    let plain = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
    let stored = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("color/spaces/srgb-profile.png")))
    // These are the same 625 colors as they are stored. Those of 16 bits also have noise in the low byte.
    #expect(zip(plain.samples, stored.samples).allSatisfy { abs(Int($0) - Int($1)) <= (name.hasPrefix("16") ? 1 : 0) })
    let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
    #expect(prepared.plan.convertsColorFirst == false)
    recipe.output = .png()
    let result = try ImagePreparer().inspectBlocking(
      .memory(try ImagePreparer().prepareBlocking(source, as: recipe).bytes))
    #expect(result.iccProfile == nil && result.pngColor?.srgbIntent == nil, "data is not tagged")
    // The samples of a linear checkerboard are averaged as they are: the mean is half of 255, not half of the light.
    recipe.size = .longestSide(8)
    let board = try ImagePreparer().pixelsBlocking(
      of: .file(Fixtures.path("color/checkerboard-gama-1.0.png")), as: recipe)
    let mean = Double(board.samples.reduce(0) { $0 + Int($1) }) / Double(board.samples.count)
    #expect(abs(mean - 127.5) <= 0.5)
  }

  /// Channels of independent random values. In the last channel, half of the pixels are 0 or 255.
  static func map(_ size: ImageSize, channels: Int) -> PixelImage<UInt8> {
    var random = SplitMix64(seed: 9)
    let samples = (0..<size.pixelCount * channels).map { i -> UInt8 in
      let value = UInt8.random(in: 0...255, using: &random)
      return i % channels == channels - 1 && value < 128 ? (value < 64 ? 0 : 255) : value
    }
    return PixelImage(size: size, channels: channels, samples: samples)
  }

  // The image of the last example is only cropped.
  @Test(
    "every channel of data is resized on its own, with the result of float64",
    arguments: [(181, 127, 60), (1201, 503, 301), (40, 30, 40)], [2, 4])
  func dataWithAlpha(_ example: (width: Int, height: Int, side: Int), channels: Int) throws {
    let source = Self.map(ImageSize(width: example.width, height: example.height), channels: channels)
    let file = try ImagePreparer().encodePNGBlocking(source)
    var recipe = Recipe(size: .longestSide(example.side), samples: .data, output: .png())
    let result = try ImagePreparer().pixelsBlocking(of: .memory(file), as: recipe)
    try #require(result.channels == channels && result.size.width == example.side)
    let reference = Float64Resize.resize(
      source.samples, size: source.size, channels: channels, to: result.size, filter: recipe.resamplingFilter)
    let comparison = SampleComparison(result.samples, reference: reference)
    #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
    // The PNG is lossless. The samples would differ if they had been premultiplied by the last channel.
    let prepared = try ImagePreparer().prepareBlocking(.memory(file), as: recipe)
    let plain = Recipe(samples: .data)
    #expect(try ImagePreparer().pixelsBlocking(of: .memory(prepared.bytes), as: plain).samples == result.samples)
    recipe.samples = .color()
    #expect(try ImagePreparer().pixelsBlocking(of: .memory(file), as: recipe).samples != result.samples)
  }

  @Test(
    "every channel of 16-bit data is resized on its own, and a JPEG of data leaves the last one out",
    arguments: [60, 301])
  func wideDataWithAlpha(side: Int) throws {
    let size = side == 60 ? ImageSize(width: 181, height: 127) : ImageSize(width: 1201, height: 503)
    let bytes = Self.map(size, channels: 4)
    let sides = PNGFile.bigEndian(UInt32(size.width)) + PNGFile.bigEndian(UInt32(size.height))
    let header: [UInt8] = sides + [16, 6, 0, 0, 0]
    var rows: [UInt8] = []
    for (i, sample) in bytes.samples.enumerated() {
      if i % (size.width * 4) == 0 { rows.append(0) }
      rows += [sample, sample]
    }
    let file = PNGFile(chunks: [("IHDR", header), ("IDAT", GeneratedPNG.deflate(rows, level: 1)), ("IEND", [])]).bytes
    var recipe = Recipe(size: .longestSide(side), samples: .data, output: .png())
    let result = try ImagePreparer().pixelsBlocking(of: .memory(file), as: recipe)
    let reference = Float64Resize.resize(
      bytes.samples, size: size, channels: 4, to: result.size, filter: recipe.resamplingFilter)
    let comparison = SampleComparison(result.samples, reference: reference)
    #expect(comparison.largest <= 1 && comparison.share <= 0.005, "\(comparison)")
    recipe.output = .jpeg()
    let format = TensorFormat(layout: .nhwc, range: 0...65_535)
    let prepared = try ImagePreparer().prepareBlocking(.memory(file), as: recipe, tensor: format)
    #expect(prepared.notes.contains { $0.hasPrefix("the channel stored as alpha") })
    let values = try #require(prepared.tensor).values.map { UInt16($0) }
    let colors = reference.indices.filter { $0 % 4 < 3 }.map { reference[$0] * 257 }
    let difference = SampleComparison(values, reference: colors, maximum: 65_535)
    #expect(difference.largest <= 1, "\(difference)")
  }
}
