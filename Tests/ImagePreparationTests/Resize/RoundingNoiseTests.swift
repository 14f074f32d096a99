import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The error that 16-bit weights and intermediates cause, for every shape and kind of picture. It is never more than 1 from the rounded
/// float64, and costs at most 0.15 dB of the signal-to-noise ratio.
@Suite("Rounding noise of the resize")
struct RoundingNoiseTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let sizes: ResamplingAccuracyTests.Sizes
    let filter: ResamplingFilter
    var testDescription: String { "\(sizes.testDescription), \(filter)" }

    init(_ sizes: ResamplingAccuracyTests.Sizes, _ filter: ResamplingFilter = .lanczos3) {
      self.sizes = sizes
      self.filter = filter
    }

    func plan(_ scale: SampleScale.Kind, keepsFraction: Bool = false) -> ResamplingPlan {
      func axis(_ length: Int, _ count: Int) -> AxisGeometry {
        AxisGeometry(origin: 0, length: Double(length), count: count, isMirrored: false)
      }
      guard let channels = RowLayout.Channels(rawValue: sizes.channels) else { preconditionFailure("1 to 4 channels") }
      return ResamplingPlan(
        layout: RowLayout(channels: channels, bitDepth: 8, width: sizes.from.width), height: sizes.from.height,
        horizontal: axis(sizes.from.width, sizes.to.width), vertical: axis(sizes.from.height, sizes.to.height),
        filter: filter, scale: SampleScale(bitDepth: 8, linear: false, isPremultiplied: scale == .products),
        keepsFraction: keepsFraction)
    }
  }

  /// The ratios at which 12 megapixels become 2500, 2048 or 3000 pixels wide and 24 megapixels become 4500 pixels wide, and ratios that
  /// enlarge an image. All of them used 64-bit sums when an estimate limited the share of differing samples to 0.45 %.
  static let onceWide = [
    Case(.init(4032 / 8, 3024 / 8, 2500 / 8, 1875 / 8, 3)), Case(.init(4032 / 8, 3024 / 8, 256, 192, 1)),
    Case(.init(4032 / 8, 3024 / 8, 375, 281, 3)), Case(.init(600, 400, 450, 300, 3)),
    Case(.init(300, 200, 450, 300, 4)),
    nearHalves,
  ]

  /// The checkerboard of this case becomes values of which nearly all are close to a half.
  static let nearHalves = Case(.init(130, 966, 385, 89, 3), .catmullRom)

  /// Ratios from 1:20 to 4 with every filter. The ratios of both axes are equal or different.
  static let ratios: [Case] = {
    var random = SplitMix64(seed: 20)
    let filters: [ResamplingFilter] = [.lanczos3, .lanczos2, .catmullRom, .mitchell, .triangle, .box, .lanczos3]
    return (0..<40).map { i in
      func ratio() -> Double { exp(Double.random(in: log(0.05)...log(4), using: &random)) }
      func side(_ ratio: Double) -> (Int, Int) {
        let count = Int.random(in: 50...90, using: &random) * (ratio > 0.3 ? 5 : 1)
        return (Int(Double(count) / ratio), count)
      }
      let across = ratio()
      let (width, outputWidth) = side(across)
      let (height, outputHeight) = side(i % 2 == 0 ? across : ratio())
      return Case(.init(width, height, outputWidth, outputHeight, [1, 3, 4][i % 3]), filters[i % filters.count])
    }
  }()

  /// Single pixels, single lines, and windows of thousands of samples.
  static let extremes = [
    Case(.init(1, 1, 3, 2, 3)), Case(.init(3, 2, 1, 1, 4)), Case(.init(17, 5, 4, 9, 1)), Case(.init(33, 1, 1, 31, 3)),
    Case(.init(1, 700, 1, 2, 1)), Case(.init(7000, 3, 23, 3, 3)), Case(.init(3, 7000, 3, 23, 4)),
  ]

  // In a debug build all of them would take minutes.
  #if DEBUG
  static let cases = onceWide.suffix(2) + ratios.prefix(2) + extremes
  static let patterns: [TestPattern] = [.noise, .checkerboard]
  #else
  static let patterns = TestPattern.allCases
  static let cases = onceWide + ratios + extremes
  #endif

  @Test("at most 0.15 dB, never more than 1, by 16-bit passes", arguments: cases, patterns)
  func noise(_ example: Case, _ pattern: TestPattern) {
    check(example, pattern)
  }

  @Test("many samples that round the other way cost next to nothing")
  func share() {
    let comparison = check(Self.nearHalves, .checkerboard)
    #expect(comparison.share > 0.08 && comparison.loss < 0.02, "\(comparison)")
  }

  @discardableResult
  func check(_ example: Case, _ pattern: TestPattern) -> SampleComparison {
    let sizes = example.sizes
    let isOpaque = sizes.channels == 4
    #expect(example.plan(isOpaque ? .products : .bytes).method != .wide)
    var samples = pattern.image(sizes.from, channels: sizes.channels).samples
    if isOpaque { for i in stride(from: 3, to: samples.count, by: 4) { samples[i] = 255 } }
    let reference = Float64Resize.resize(
      samples, size: sizes.from, channels: sizes.channels, to: sizes.to, filter: example.filter)
    let image = PixelImage(size: sizes.from, channels: sizes.channels, samples: samples)
    let first = image.resized(to: sizes.to, resamplingFilter: example.filter, instructionSet: .baseline)
    let comparison = SampleComparison(first.samples, reference: reference)
    #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
    for instructionSet in InstructionSet.available {
      let other = image.resized(to: sizes.to, resamplingFilter: example.filter, instructionSet: instructionSet)
      #expect(other == first, "\(instructionSet) gives other bits")
    }
    return comparison
  }

  /// The result before it is rounded to bytes, as 16-bit values of 256 times the sample.
  static func fine(_ image: PixelImage<UInt8>, plan: ResamplingPlan) -> [UInt16] {
    let raster = Raster(image)
    let layout = RowLayout(channels: raster.channels, bitDepth: 8, width: image.size.width)
    let resampler = PlaneResampler(
      plan: plan, kernels: KernelTable(.best), stripRows: image.size.height, rowBytes: layout.rowBytes, ahead: 1)
    unsafe image.samples.withUnsafeBytes { samples in
      for y in 0..<image.size.height {
        unsafe resampler.ring.row(y).copyMemory(
          from: samples.baseAddress! + y * layout.rowBytes, byteCount: layout.rowBytes)
      }
    }
    resampler.advance(rowsArrived: image.size.height)
    return resampler.result.words
  }

  @Test("no sample errs by more than the plan's bound", arguments: cases.filter { $0.sizes.channels < 4 })
  func bound(_ example: Case) {
    let sizes = example.sizes
    let plan = example.plan(.bytes, keepsFraction: true)
    for pattern in TestPattern.allCases {
      let image = pattern.image(sizes.from, channels: sizes.channels)
      let reference = Float64Resize.resize(
        image.samples, size: sizes.from, channels: sizes.channels, to: sizes.to, filter: example.filter)
      let largest = zip(Self.fine(image, plan: plan), reference).reduce(0) {
        max($0, abs(Double($1.0) / 256 - min(max($1.1, 0), 65_535 / 256)))
      }
      // The 16-bit values are rounded as well.
      #expect(largest <= plan.errorBound + 0.5 / 256, "\(pattern)")
    }
  }

  /// A picture of 0 and 255, which are chosen so that all errors of one output sample add up.
  @Test("the bound is nearly reached by a picture made for it", arguments: cases.filter { $0.sizes.channels == 1 })
  func adversary(_ example: Case) {
    let (from, to) = (example.sizes.from, example.sizes.to)
    let plan = example.plan(.bytes, keepsFraction: true)
    func errors(_ axis: AxisWeights, _ quantized: QuantizedWeights) -> [Double] {
      zip(axis.weights, quantized.integers).map { $0 - Double($1) / Double(1 << quantized.bits) }
    }
    func hardest(_ axis: AxisWeights, _ errors: [Double]) -> (index: Int, window: Range<Int>) {
      let sums = axis.windows.map { $0.reduce(0) { $0 + abs(errors[$1]) } }
      let index = sums.indices.max { sums[$0] < sums[$1] }!
      return (index, axis.offsets[index]..<axis.offsets[index + 1])
    }
    let rowErrors = errors(plan.vertical, plan.quantized.vertical)
    let columnErrors = errors(plan.horizontal, plan.quantized.horizontal)
    let (row, rowWindow) = hardest(plan.vertical, rowErrors)
    let (column, columnWindow) = hardest(plan.horizontal, columnErrors)
    var samples = [UInt8](repeating: 128, count: from.pixelCount)
    for (y, k) in rowWindow.enumerated() {
      for (x, l) in columnWindow.enumerated() {
        let effect = plan.horizontal.weights[l] * rowErrors[k] + columnErrors[l] * plan.vertical.weights[k]
        samples[(plan.vertical.starts[row] + y) * from.width + plan.horizontal.starts[column] + x] =
          effect > 0 ? 255 : 0
      }
    }
    let reference = Float64Resize.resize(samples, size: from, channels: 1, to: to, filter: example.filter)
    let fine = Self.fine(PixelImage(size: from, channels: 1, samples: samples), plan: plan)
    let exact = reference[row * to.width + column]
    let error = abs(Double(fine[row * to.width + column]) / 256 - min(max(exact, 0), 65_535 / 256))
    #expect(error <= plan.errorBound + 0.5 / 256)
    // If the value is clipped, the error is hidden. If the weights are exact, only the rounding of the intermediate is left.
    guard exact > 0, exact < 255, plan.errorBound > 0.02 else { return }
    #expect(error >= plan.errorBound / 4, "\(error) of \(plan.errorBound)")
  }

  @Test(
    "at least 58.8 dB against unrounded float64 on photographs",
    arguments: ["jpeg/forest.jpg", "jpeg/mountain-444.jpg", "jpeg/phone.jpg"])
  func photograph(_ name: String) throws {
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path(name)), as: Recipe(size: .original))
    for ratio in [0.1, 0.23, 0.381, 0.496, 0.508, 0.62, 0.744, 0.75, 0.992, 1.488] {
      let size = ImageSize(
        width: Int(Double(image.size.width) * ratio), height: Int(Double(image.size.height) * ratio))
      let reference = Float64Resize.resize(
        image.samples, size: image.size, channels: image.channels, to: size, filter: .lanczos3)
      let comparison = SampleComparison(image.resized(to: size).samples, reference: reference)
      #expect(comparison.largest <= 1 && comparison.peakSignalToNoise >= 58.8 && comparison.loss <= 0.15, "\(ratio)")
    }
  }
}
