import TestSupport
import Testing

@testable import ImagePreparation

/// 625 colors in every space, described in every way, are compared with lcms2 in double precision (Fixtures/color/make-spaces.py).
@Suite("Color spaces")
struct ColorSpaceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let channels: Int
    let isConverted: Bool
    let offset: Int
    var testDescription: String { name }
    /// The number of channels of the expected colors.
    var expectedChannels: Int { isConverted ? 3 : channels }
  }

  static let cases: [Case] = {
    var offset = 0
    let index = String(decoding: try! Fixtures.bytes("color/spaces/index.tsv"), as: UTF8.self)
    return index.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t")
      let example = Case(
        name: String(fields[0]), channels: Int(fields[1])!, isConverted: fields[2] == "converted", offset: offset)
      offset += 625 * example.expectedChannels * 4
      return example
    }
  }()

  static func values(_ file: String, at offset: Int = 0, count: Int) throws -> [Double] {
    let bytes = try Fixtures.bytes(file)
    return (0..<count).map { i in
      Double(Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[offset + 4 * i + $1]) << (8 * $1) }))
    }
  }

  /// Mean and largest ΔE2000 of pixels to expected colors of 0 to 1.
  static func difference(_ pixels: PixelImage<UInt8>, _ expected: [Double]) -> (mean: Double, largest: Double) {
    let colors = pixels.channels < 3 ? 1 : 3
    let differences = (0..<pixels.size.pixelCount).map { i in
      let color = (0..<3).map { Double(pixels.samples[i * pixels.channels + ($0 < colors ? $0 : 0)]) / 255 }
      return ColorDifference.between(
        ColorDifference.lab(color), ColorDifference.lab(Array(expected[i * 3..<i * 3 + 3])))
    }
    return (differences.reduce(0, +) / Double(differences.count), differences.max() ?? 0)
  }

  @Test(
    "colors are within ΔE2000 1.0 of lcms2 in double precision, and within 0.2 on average",
    arguments: cases.filter(\.isConverted))
  func converted(_ example: Case) throws {
    let expected = try Self.values("color/spaces/expected.bin", at: example.offset, count: 625 * 3)
    let source = ImageSource.file(Fixtures.path("color/spaces/\(example.name).png"))
    let pixels = try ImagePreparer().pixelsBlocking(of: source)
    let (mean, largest) = Self.difference(pixels, expected)
    #expect(mean <= 0.2 && largest <= 1.0, "mean \(mean), largest \(largest)")
    #expect(pixels.channels == example.channels)
    if example.channels == 4 {
      let stored = try DecodedImage.decode(source)
      for i in stride(from: 3, to: 2500, by: 4) { #expect(pixels.samples[i] == stored.bytes[i]) }
    }
  }

  /// The error that is not due to rounding to bytes: the distance of an expected color from the range of colors that round to the pixel.
  static func beyondRounding(_ pixels: PixelImage<UInt8>, _ expected: [Double]) -> (levels: Double, difference: Double)
  {
    var (levels, difference) = (0.0, 0.0)
    for i in 0..<pixels.size.pixelCount {
      let exact = (0..<3).map { min(max(expected[i * 3 + $0], 0), 1) }
      let nearest = (0..<3).map { c in
        let level = Double(pixels.samples[i * pixels.channels + (pixels.channels < 3 ? 0 : c)])
        return min(max(exact[c], (level - 0.5) / 255), (level + 0.5) / 255)
      }
      levels = max(levels, zip(exact, nearest).map { abs($0 - $1) * 255 }.max() ?? 0)
      difference = max(difference, ColorDifference.between(ColorDifference.lab(exact), ColorDifference.lab(nearest)))
    }
    return (levels, difference)
  }

  @Test(
    "beyond rounding, colors are within a tenth of a level and ΔE2000 0.1 of lcms2 in double precision",
    arguments: cases.filter { $0.isConverted && !$0.name.hasPrefix("16-bit") })
  func precise(_ example: Case) throws {
    let expected = try Self.values("color/spaces/expected.bin", at: example.offset, count: 625 * 3)
    let source = ImageSource.file(Fixtures.path("color/spaces/\(example.name).png"))
    let (levels, difference) = Self.beyondRounding(try ImagePreparer().pixelsBlocking(of: source), expected)
    #expect(levels <= 0.1 && difference <= 0.1, "\(levels) levels, ΔE2000 \(difference)")
  }

  /// Patches of Display P3 as a JPEG, whose planes are converted, beside the colors that lcms2 makes of them.
  @Test(
    "planes of Display P3 are converted while they are encoded, as the colors would be",
    arguments: [Recipe.Subsampling.yuv420, .yuv444], [64, 63])
  func planes(_ subsampling: Recipe.Subsampling, side: Int) throws {
    let size = ImageSize(width: side, height: side)
    let profile = try Fixtures.bytes("icc/DisplayP3-v4.icc")
    var patches = Raster(size: size, channels: .rgb, bitDepth: 8)
    for y in 0..<side {
      for x in 0..<side {
        let patch = (y / 16 * 4 + x / 16) * 5
        for c in 0..<3 {
          patches.bytes[(y * side + x) * 3 + c] = UInt8([patch / 25, patch / 5 % 5, patch % 3][c] * 63)
        }
      }
    }
    let encoding = JPEGEncoding(quality: 100, subsampling: subsampling, iccProfile: profile)
    let source = ImageSource.memory(try patches.encodedJPEG(encoding))
    let recipe = Recipe(size: .original, output: .jpeg(quality: 100, subsampling: subsampling))
    let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
    #expect(prepared.plan.path == .planar)
    let actual = try ImagePreparer().pixelsBlocking(of: .memory(prepared.bytes))

    let stored = try ImagePreparer().pixelsBlocking(of: source, as: Recipe(samples: .color(profile: .ignore)))
    // The macro `#require` needs copyable values, and profiles are not copyable.
    guard let context = ColorContext(), let p3 = ColorProfile(bytes: profile, context),
      let sRGB = ColorProfile(sRGB: context),
      let exact = ColorTransform(context, from: p3, channels: .rgb, to: sRGB)
    else {
      Issue.record("lcms2 makes no transform")
      return
    }
    let colors = exact.converted(stored.samples.map { Double($0) / 255 })
    // The samples are from the middle of a patch. There the enlargement of 4:2:0 chroma uses no samples of neighboring patches.
    let inner = (0..<side).filter { 7...8 ~= $0 % 16 }
    let places = inner.flatMap { y in inner.flatMap { x in (0..<3).map { (y * side + x) * 3 + $0 } } }
    let distances = places.map { abs(Double(actual.samples[$0]) - min(max(colors[$0], 0), 1) * 255) }
    let mean = distances.reduce(0, +) / Double(distances.count)
    let largest = distances.max() ?? 0
    // Y, Cb and Cr are rounded three times: in the file, during the conversion of the planes, and by the encoder.
    #expect(mean < 0.7 && largest < 3, "mean \(mean), largest \(largest)")
  }

  @Test("sRGB, whichever tag says so first, stays bit for bit as it is", arguments: cases.filter { !$0.isConverted })
  func untouched(_ example: Case) throws {
    let count = 625 * example.channels
    let expected = try Self.values("color/spaces/expected.bin", at: example.offset, count: count)
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("color/spaces/\(example.name).png")))
    #expect(image.samples == expected.map { UInt8(($0 * 255).rounded()) })
  }

  @Test("inks become colors within ΔE2000 1.0 of lcms2, and within 0.2 on average")
  func inks() throws {
    let size = ImageSize(width: 25, height: 25)
    let profile = try Fixtures.bytes("icc/CGATS001Compat-v2-micro.icc")
    let conversion = try ProfileConversion(profile: profile, channels: .cmyk, bitDepth: 8, kernels: KernelTable(.best))
    let inks = Raster(size: size, channels: .cmyk, bitDepth: 8, bytes: try Fixtures.bytes("color/spaces/inks.bin"))
    let pixels = PixelImage(size: size, channels: 3, samples: conversion.convert(inks).bytes)
    let expected = try Self.values("color/spaces/inks-expected.bin", count: 625 * 3)
    let (mean, largest) = Self.difference(pixels, expected)
    #expect(mean <= 0.2 && largest <= 1.0, "mean \(mean), largest \(largest)")
    let beyond = Self.beyondRounding(pixels, expected)
    #expect(beyond.levels <= 0.2 && beyond.difference <= 0.1, "\(beyond)")
  }

  @Test(
    "a color description that cannot be used gives a note",
    arguments: [
      ("cicp-pq", "cICP chunk (PQ) is not supported"), ("cicp-hlg", "cICP chunk (HLG) is not supported"),
      ("cicp-pq-then-profile", "cICP chunk (PQ) is not supported"), ("gama-nonsense-chrm", "gAMA"),
      ("gama-1.0", "gAMA and cHRM chunks to sRGB, before the resize"), ("display-p3-v4", "to sRGB"),
    ])
  func notes(name: String, note: String) throws {
    let image = try ImagePreparer().prepareBlocking(.file(Fixtures.path("color/spaces/\(name).png")))
    #expect(image.notes.contains { $0.contains(note) }, "\(image.notes)")
  }

  @Test(
    "colors are converted before the resize exactly if the transfer function is not sRGB's",
    arguments: [
      ("display-p3-v4", false), ("alpha-display-p3-v4", false), ("prophoto-v4", true), ("rec2020-v4", true),
      ("gama-1.0", true), ("16-bit-prophoto-v4", true), ("cicp-display-p3", false), ("srgb-profile", false),
    ])
  func order(name: String, isFirst: Bool) throws {
    let image = try ImagePreparer().prepareBlocking(.file(Fixtures.path("color/spaces/\(name).png")))
    #expect(image.plan.convertsColorFirst == isFirst)
  }

  @Test("a checkerboard in linear samples resizes to what sRGB's middle is")
  func resizedAfterConversion() throws {
    // White and black are the same in every space, so the mean of the encoded sRGB samples is 127.5 in each of them.
    let source = ImageSource.file(Fixtures.path("color/checkerboard-gama-1.0.png"))
    var recipe = Recipe(size: .longestSide(8))
    let image = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
    let mean = Double(image.samples.reduce(0) { $0 + Int($1) }) / Double(image.samples.count)
    #expect(abs(mean - 127.5) <= 1)
    recipe.samples = .color(linear: true)
    let light = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
    let bright = Double(light.samples.reduce(0) { $0 + Int($1) }) / Double(light.samples.count)
    #expect(abs(bright - 187.5) <= 1)
  }

  @Test(
    "a space that is described without a profile is kept as a profile",
    arguments: ["cicp-display-p3", "gama-chrm-1.8", "gama-1.0-gray"],
    [Recipe.Output.png(), .jpeg(quality: 100, subsampling: .yuv444)])
  func kept(_ name: String, _ output: Recipe.Output) throws {
    let file = ImageSource.file(Fixtures.path("color/spaces/\(name).png"))
    let recipe = Recipe(samples: .color(profile: .keep), output: output)
    let kept = try ImagePreparer().prepareBlocking(file, as: recipe)
    let expected = try ImagePreparer().pixelsBlocking(of: file)
    let again = try ImagePreparer().pixelsBlocking(of: .memory(kept.bytes))
    let distance = PreparationTests.distance(again, expected)
    #expect(distance < (kept.format == .png ? 0.01 : 1.5), "\(distance)")
    #expect(try ImagePreparer().prepareBlocking(file, as: recipe).bytes == kept.bytes)
  }

  /// Sharma, Wu and Dalal, table 1.
  @Test(
    "the color difference equals its published examples",
    arguments: [
      ([50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425), ([50, 2.8361, -74.0200], [50, 0, -82.7485], 3.4412),
      ([50, 0, 0], [50, -1, 2], 2.3669), ([50, 2.5, 0], [73, 25, -18], 27.1492),
      ([50, 2.5, 0], [61, -5, 29], 22.8977),
      ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
      ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ])
  func yardstick(one: [Double], other: [Double], expected: Double) {
    #expect(abs(ColorDifference.between(one, other) - expected) < 0.0001)
  }
}
