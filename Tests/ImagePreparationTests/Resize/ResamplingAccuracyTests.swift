import TestSupport
import Testing

@testable import ImagePreparation

/// The resize is compared with float64 on inputs that are hard to resize.
///
/// The sizes of millions of pixels run only in release builds, because they would take minutes without optimization.
@Suite("Resampling accuracy")
struct ResamplingAccuracyTests {
  struct Sizes: Sendable, CustomTestStringConvertible {
    let from: ImageSize
    let to: ImageSize
    let channels: Int
    var testDescription: String { "\(from) to \(to), \(channels) channels" }

    init(_ width: Int, _ height: Int, _ outputWidth: Int, _ outputHeight: Int, _ channels: Int) {
      from = ImageSize(width: width, height: height)
      to = ImageSize(width: outputWidth, height: outputHeight)
      self.channels = channels
    }
  }

  #if DEBUG
  static let medium = [
    Sizes(300, 200, 77, 51, 3), Sizes(521, 307, 130, 77, 1), Sizes(200, 150, 191, 143, 4), Sizes(160, 90, 200, 113, 3),
    Sizes(3000, 60, 7, 5, 3), Sizes(300, 300, 1, 1, 1), Sizes(9, 9, 175, 150, 3),
  ]
  static let large: [Sizes] = []
  #else
  static let medium = [
    Sizes(600, 400, 154, 102, 3), Sizes(1021, 607, 260, 155, 1), Sizes(500, 300, 491, 293, 4),
    Sizes(640, 360, 800, 450, 3), Sizes(3000, 300, 7, 5, 3), Sizes(900, 900, 1, 1, 1), Sizes(9, 9, 700, 600, 3),
  ]
  static let large = [
    Sizes(6000, 4000, 1536, 1024, 3), Sizes(4928, 3279, 852, 567, 3), Sizes(6000, 4000, 128, 85, 3),
    Sizes(6000, 4000, 64, 43, 1), Sizes(6000, 4000, 1, 1, 3), Sizes(1, 6000, 1, 100, 3), Sizes(6000, 1, 100, 1, 3),
    Sizes(2000, 1500, 1999, 1499, 3), Sizes(1500, 1000, 3000, 2000, 1),
  ]
  #endif

  @Test(
    "8-bit results are within 1 of float64 for every filter", .everyInstructionSet, arguments: medium, TestPattern.hard)
  func everyFilter(_ sizes: Sizes, _ pattern: TestPattern) {
    check(sizes, pattern, ResamplingFilter.allCases)
  }

  /// One pattern is enough, because these tests only check that sums and windows are large enough for the sizes. The two filters are those
  /// with the most and with the fewest taps.
  @Test("8-bit results of millions of pixels are within 1 of float64", .everyInstructionSet, arguments: large)
  func millions(_ sizes: Sizes) {
    check(sizes, .twoValued, [.lanczos3, .box])
  }

  private func check(_ sizes: Sizes, _ pattern: TestPattern, _ filters: [ResamplingFilter]) {
    let input = pattern.image(sizes.from, channels: sizes.channels)
    // The public resize treats four channels as red, green, blue and alpha. The image is made opaque, so that only the colors are compared.
    var samples = input.samples
    if sizes.channels == 4 {
      for i in stride(from: 3, to: samples.count, by: 4) { samples[i] = 255 }
    }
    let image = PixelImage(size: input.size, channels: input.channels, samples: samples)
    for filter in filters {
      let reference = Float64Resize.resize(
        samples, size: sizes.from, channels: sizes.channels, to: sizes.to, filter: filter)
      var first: PixelImage<UInt8>?
      for instructionSet in InstructionSet.available {
        let output = image.resized(to: sizes.to, resamplingFilter: filter, instructionSet: instructionSet)
        if let first {
          #expect(output == first, "\(filter): \(instructionSet) gives other bits")
          continue
        }
        first = output
        let comparison = SampleComparison(output.samples, reference: reference)
        #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(filter): \(comparison)")
      }
    }
  }

  @Test("alpha weighs colors: within 1 wherever alpha is 8 or more", arguments: [ResamplingFilter.lanczos3, .box])
  func softAlpha(_ filter: ResamplingFilter) {
    // The image has every value of alpha, in blocks, and colors at random.
    let from = ImageSize(width: 800, height: 600)
    let to = ImageSize(width: 200, height: 150)
    var random = SplitMix64(seed: 4)
    var samples: [UInt8] = []
    for y in 0..<from.height {
      for x in 0..<from.width {
        let color = random.next()
        samples += [
          UInt8(truncatingIfNeeded: color), UInt8(truncatingIfNeeded: color >> 8),
          UInt8(truncatingIfNeeded: color >> 16),
          UInt8(truncatingIfNeeded: (y / 40) * 17 + (x / 50) % 16),
        ]
      }
    }
    let products = stride(from: 0, to: samples.count, by: 4).flatMap { i in
      let alpha = UInt16(samples[i + 3])
      return [UInt16(samples[i]) * alpha, UInt16(samples[i + 1]) * alpha, UInt16(samples[i + 2]) * alpha, alpha * 255]
    }
    let reference = Float64Resize.resize(products, size: from, channels: 4, to: to, filter: filter)
    let output = PixelImage(size: from, channels: 4, samples: samples).resized(to: to, resamplingFilter: filter)
    var visible: [UInt8] = []
    var expected: [Double] = []
    for i in stride(from: 0, to: reference.count, by: 4) {
      // A color is divided by alpha before alpha is clamped.
      let alpha = reference[i + 3]
      guard alpha / 255 >= 8 else { continue }
      for c in 0..<3 {
        visible.append(output.samples[i + c])
        expected.append(reference[i + c] / alpha * 255)
      }
      visible.append(output.samples[i + 3])
      expected.append(alpha / 255)
    }
    let comparison = SampleComparison(visible, reference: expected)
    #expect(comparison.count > to.pixelCount * 3)
    #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
  }

  /// Zeros of a sinc that were not exactly 0 were once part of the windows. They changed colors where alpha was 1 or 2.
  @Test("windows begin in order", arguments: ResamplingFilter.allCases)
  func windowsAreInOrder(filter: ResamplingFilter) {
    for (length, outputCount) in [
      (117.0 + 1 / 3, 352), (100, 300), (100, 500), (64, 64), (64, 63), (90, 30), (7.5, 90),
    ] {
      for origin in [0, 4.0 / 3, 0.5, 2.25] {
        let weights = AxisWeights(
          inputCount: 120, origin: origin, length: length, outputCount: outputCount, filter: filter)
        #expect(weights.starts == weights.starts.sorted(), "\(origin), \(length) to \(outputCount)")
        let sums = weights.windows.map { weights.weights[$0].reduce(0, +) }
        #expect(sums.allSatisfy { abs($0 - 1) < 1e-12 })
      }
    }
  }

  @Test("an enlarged part is the part of the enlarged whole", arguments: [ResamplingFilter.lanczos3, .mitchell])
  func enlargedPart(filter: ResamplingFilter) throws {
    let size = ImageSize(width: 200, height: 120)
    let image = TestPattern.noise.image(size, channels: 3)
    let source = ImageSource.memory(try PNGEncoder(compression: .fast).encode(Raster(image), color: .srgb))
    let whole = Float64Resize.resize(
      image.samples, size: size, channels: 3, to: ImageSize(width: 600, height: 360), filter: filter)
    // The crop removes four pixels in each direction, so the first row of the result is at a row of the source.
    func recipe(_ side: Int) -> Recipe {
      Recipe(
        size: .longestSide(side, enlarge: true, sides: .multiples(of: 16)), resamplingFilter: filter)
    }
    for _ in 0..<2 {
      let part = try ImagePreparer().pixelsBlocking(of: source, as: recipe(600))
      try #require(part.size == ImageSize(width: 592, height: 352))
      // At the edges of the crop the windows use the source beyond the crop. They are renormalized only at the edges of the source.
      for y in 0..<352 {
        for x in 0..<592 * 3 {
          let exact = min(max(whole[(y + 4) * 1800 + 12 + x], 0), 255).rounded()
          #expect(abs(Double(part.samples[y * 1776 + x]) - exact) <= 1, "row \(y), sample \(x)")
        }
      }
      // Another resize writes other values into memory that the next round may reuse.
      _ = try ImagePreparer().pixelsBlocking(of: source, as: recipe(300))
    }
  }

  @Test("an image at its own size is itself", arguments: ResamplingFilter.allCases.filter { $0 != .mitchell })
  func ownSize(_ filter: ResamplingFilter) {
    #if DEBUG
    let size = ImageSize(width: 110, height: 100)
    #else
    let size = ImageSize(width: 1100, height: 1000)
    #endif
    var random = SplitMix64(seed: 9)
    let samples = (0..<size.pixelCount).flatMap { _ in
      let pixel = random.next()
      return [
        UInt8(truncatingIfNeeded: pixel), UInt8(truncatingIfNeeded: pixel >> 8), UInt8(truncatingIfNeeded: pixel >> 16),
        UInt8(1 + pixel >> 24 % 8),
      ]
    }
    let image = PixelImage(size: size, channels: 4, samples: samples)
    #expect(image.resized(to: size, resamplingFilter: filter) == image)
    // Invisible colors are not in the result.
    var hidden = samples
    hidden[3] = 0
    let cleared = PixelImage(size: size, channels: 4, samples: hidden).resized(to: size, resamplingFilter: filter)
      .samples
    #expect(Array(cleared.prefix(8)) == [0, 0, 0, 0] + samples[4..<8])
  }

  @Test("16-bit results are close to float64 for every filter", arguments: ResamplingFilter.allCases)
  func deep(_ filter: ResamplingFilter) {
    var random = SplitMix64(seed: 16)
    let size = ImageSize(width: 150, height: 90)
    let samples = (0..<size.pixelCount * 3).map { _ in UInt16(truncatingIfNeeded: random.next()) }
    for output in [ImageSize(width: 40, height: 23), ImageSize(width: 200, height: 120)] {
      let reference = Float64Resize.resize(samples, size: size, channels: 3, to: output, filter: filter)
      let image = PixelImage(size: size, channels: 3, samples: samples).resized(to: output, resamplingFilter: filter)
      let comparison = SampleComparison(image.samples, reference: reference, maximum: 65_535)
      #expect(comparison.largest <= 1, "\(comparison)")
      #expect(comparison.share <= 0.005, "\(comparison)")
    }
  }
}

/// Shapes that are very different from that of a photograph.
@Suite("Extreme shapes")
struct ExtremeShapeTests {
  #if DEBUG
  static let length = 64_001
  #else
  static let length = 3_211_265
  #endif

  /// This once took more than 20 s, because the weights of windows with thousands of samples were rounded slowly.
  @Test("a line of up to three million pixels is reduced as the mean is", arguments: [ResamplingFilter.lanczos3, .box])
  func longLine(_ filter: ResamplingFilter) {
    let size = ImageSize(width: Self.length, height: 1)
    let image = TestPattern.ramps.image(size, channels: 1)
    let output = ImageSize(width: 1536, height: 1)
    let reference = Float64Resize.resize(image.samples, size: size, channels: 1, to: output, filter: filter)
    let comparison = SampleComparison(image.resized(to: output, resamplingFilter: filter).samples, reference: reference)
    #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
  }
}
