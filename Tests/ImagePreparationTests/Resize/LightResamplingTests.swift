import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The resize in linear light is compared with float64, for sizes that divide slabs, blocks and groups in every way.
@Suite("Resampling in light")
struct LightResamplingTests {
  typealias Sizes = ResamplingAccuracyTests.Sizes

  // Sizes that become a little smaller, half as large, much smaller, and larger, with odd and even sides. In a debug build all of them
  // would take more than a minute.
  #if DEBUG
  static let sizes = [
    Sizes(505, 153, 65, 39, 1), Sizes(301, 201, 76, 51, 3), Sizes(171, 3_001, 50, 300, 1), Sizes(513, 513, 1, 1, 3),
    Sizes(250, 187, 186, 140, 3), Sizes(151, 97, 301, 195, 1), Sizes(19, 7, 8, 11, 3),
  ]
  static let patterns: [TestPattern] = [.noise]
  static let filters: [ResamplingFilter] = [.lanczos3]
  static let alphaFilters: [ResamplingFilter] = [.lanczos3]
  #else
  static let sizes = [
    Sizes(2_021, 607, 260, 155, 1), Sizes(1_201, 801, 301, 203, 3), Sizes(2_000, 1_333, 171, 999, 3),
    Sizes(1_513, 1_999, 700, 400, 1), Sizes(3_001, 1_479, 40, 31, 3), Sizes(171, 30_001, 50, 3_000, 1),
    Sizes(2_049, 2_049, 1, 1, 3), Sizes(1_300, 900, 650, 450, 3), Sizes(1_000, 750, 744, 558, 3),
    Sizes(700, 500, 693, 496, 1), Sizes(400, 300, 600, 450, 3), Sizes(151, 97, 601, 390, 1), Sizes(19, 7, 8, 11, 3),
  ]
  static let patterns: [TestPattern] = [.noise, .twoValued, .lines]
  static let filters: [ResamplingFilter] = [.lanczos3, .mitchell]
  static let alphaFilters: [ResamplingFilter] = [.lanczos3, .triangle]
  #endif

  /// Resizes an image whose rows arrive `rowsAtATime` at a time.
  static func resized(
    _ image: PixelImage<UInt8>, to size: ImageSize, filter: ResamplingFilter, instructionSet: InstructionSet,
    rowsAtATime: Int
  ) -> [UInt8] {
    let raster = Raster(image)
    let layout = RowLayout(channels: raster.channels, bitDepth: 8, width: image.size.width)
    let scale = SampleScale(bitDepth: layout.bitDepth, linear: true, isPremultiplied: layout.channels.hasAlpha)
    let plan = ResamplingPlan(
      layout: layout, height: image.size.height,
      horizontal: AxisGeometry(origin: 0, length: Double(image.size.width), count: size.width, isMirrored: false),
      vertical: AxisGeometry(origin: 0, length: Double(image.size.height), count: size.height, isMirrored: false),
      filter: filter, scale: scale)
    #expect(plan.method != .wide)
    let resampler = PlaneResampler(
      plan: plan, kernels: KernelTable(instructionSet), stripRows: 16, rowBytes: layout.rowBytes, ahead: 1)
    unsafe image.samples.withUnsafeBytes { samples in
      for y in 0..<image.size.height {
        unsafe resampler.ring.row(y).copyMemory(
          from: samples.baseAddress! + y * layout.rowBytes, byteCount: layout.rowBytes)
        if (y + 1) % rowsAtATime == 0 || y + 1 == image.size.height { resampler.advance(rowsArrived: y + 1) }
      }
    }
    #expect(resampler.rowsDone == size.height)
    return resampler.result.bytes
  }

  @Test("as in float64, the same bits on every instruction set", .everyInstructionSet, arguments: sizes, patterns)
  func light(_ sizes: Sizes, _ pattern: TestPattern) {
    check(pattern.image(sizes.from, channels: sizes.channels), sizes)
  }

  @Test("near black too, where sRGB is steepest", arguments: sizes)
  func shadows(_ sizes: Sizes) {
    let noise = TestPattern.noise.image(sizes.from, channels: sizes.channels)
    check(PixelImage(size: sizes.from, channels: sizes.channels, samples: noise.samples.map { $0 / 16 }), sizes)
  }

  func check(_ source: PixelImage<UInt8>, _ sizes: Sizes) {
    let levels = Self.light.map { Int($0 * 0x1p30) }
    let light = source.samples.map { levels[Int($0)] }
    for filter in Self.filters {
      let reference = Float64Resize.resize(
        light, size: sizes.from, channels: sizes.channels, to: sizes.to, filter: filter
      ).map { Self.encoded($0 * 0x1p-30) }
      let first = Self.resized(source, to: sizes.to, filter: filter, instructionSet: .baseline, rowsAtATime: 16)
      let comparison = SampleComparison(first, reference: reference)
      #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(filter): \(comparison)")
      for instructionSet in InstructionSet.available {
        for rows in [1, 7] {
          let other = Self.resized(
            source, to: sizes.to, filter: filter, instructionSet: instructionSet, rowsAtATime: rows)
          #expect(other == first, "\(filter): \(instructionSet), \(rows) rows at a time give other bits")
        }
      }
    }
  }

  /// The light of each byte (IEC 61966-2-1:1999).
  static let light = (0..<256).map { byte in
    let v = Double(byte) / 255
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
  }

  static func encoded(_ light: Double) -> Double {
    let v = max(0, min(light, 1))
    return (v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055) * 255
  }

  @Test(
    "light is premultiplied: results are within 1 wherever alpha is 8 or more", .everyInstructionSet,
    arguments: [2, 4], alphaFilters)
  func softAlpha(channels: Int, filter: ResamplingFilter) {
    // The image has every value of alpha, in blocks. Its colors are random, and half of the blocks are dark.
    let (from, to) = (ImageSize(width: 800, height: 601), ImageSize(width: 200, height: 151))
    var random = SplitMix64(seed: 4)
    var samples: [UInt8] = []
    for y in 0..<from.height {
      for x in 0..<from.width {
        for _ in 1..<channels {
          let color = UInt8.random(in: 0...255, using: &random)
          samples.append((x / 200 + y / 150) % 2 == 0 ? color : color / 16)
        }
        samples.append(UInt8(truncatingIfNeeded: (y / 40) * 17 + (x / 50) % 16))
      }
    }
    let products = samples.indices.map { i -> Int in
      let alpha = samples[i / channels * channels + channels - 1]
      return Int((i % channels == channels - 1 ? 1 : Self.light[Int(samples[i])]) * Double(alpha) * 0x1p40)
    }
    let reference = Float64Resize.resize(products, size: from, channels: channels, to: to, filter: filter)
    let image = PixelImage(size: from, channels: channels, samples: samples)
    let output = Self.resized(image, to: to, filter: filter, instructionSet: .baseline, rowsAtATime: 16)
    var (visible, expected): ([UInt8], [Double]) = ([], [])
    for i in stride(from: 0, to: reference.count, by: channels) {
      let alpha = reference[i + channels - 1]
      guard alpha * 0x1p-40 >= 8 else { continue }
      for c in 0..<channels - 1 {
        visible.append(output[i + c])
        expected.append(Self.encoded(reference[i + c] / alpha))
      }
      visible.append(output[i + channels - 1])
      expected.append(alpha * 0x1p-40)
    }
    let comparison = SampleComparison(visible, reference: expected)
    #expect(comparison.count > to.pixelCount * channels / 4 * 3)
    #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
    for instructionSet in InstructionSet.available {
      let other = Self.resized(image, to: to, filter: filter, instructionSet: instructionSet, rowsAtATime: 7)
      #expect(other == output, "\(instructionSet) gives other bits")
    }
  }

  @Test("every level stays what it is, opaque and half transparent")
  func levels() {
    let size = ImageSize(width: 1_024, height: 1_024)
    for alpha in [UInt8(255), 254, 128, 64] {
      // The image has 256 squares of 64 pixels a side. No window at the middle of a square reaches another square.
      var samples: [UInt8] = []
      for y in 0..<size.height {
        for x in 0..<size.width { samples += [UInt8(y / 64 * 16 + x / 64), alpha] }
      }
      let image = PixelImage(size: size, channels: 2, samples: samples)
      let small = Self.resized(
        image, to: ImageSize(width: 128, height: 128), filter: .lanczos3, instructionSet: .best, rowsAtATime: 16)
      for level in 0..<256 {
        let pixel = (level / 16 * 8 + 4) * 128 + level % 16 * 8 + 4
        #expect(small[pixel * 2] == UInt8(level) && small[pixel * 2 + 1] == alpha, "level \(level), alpha \(alpha)")
      }
    }
  }
}
