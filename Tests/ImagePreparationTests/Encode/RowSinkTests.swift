import TestSupport
import Testing

@testable import ImagePreparation

/// Results that are encoded while rows arrive equal those of the whole image.
@Suite("Row sinks")
struct RowSinkTests {
  /// Images whose content is recognized when half of the rows, or all of them, have arrived.
  enum Content: CaseIterable {
    case noise, softAlpha, opaqueAlpha, opaqueAbove, gray, grayAbove, fewColors, fewColorsAbove

    var channels: RowLayout.Channels {
      switch self {
      case .softAlpha, .opaqueAlpha, .opaqueAbove: .rgba
      default: .rgb
      }
    }

    /// The samples of pixel `index` of `count`.
    func pixel(_ index: Int, of count: Int, _ noise: UInt64) -> [UInt8] {
      let isAbove = index < count / 2
      var samples = (0..<3).map { UInt8(truncatingIfNeeded: noise >> (8 * UInt64($0))) }
      let alpha = UInt8(truncatingIfNeeded: noise >> 24) | 1
      switch self {
      case .noise: break
      case .softAlpha: samples.append(alpha)
      case .opaqueAlpha: samples.append(255)
      case .opaqueAbove: samples.append(isAbove ? 255 : alpha)
      case .gray: samples = [samples[0], samples[0], samples[0]]
      case .grayAbove: if isAbove { samples = [samples[0], samples[0], samples[0]] }
      case .fewColors: samples = samples.map { $0 & 0xC0 }
      case .fewColorsAbove: if isAbove { samples = samples.map { $0 & 0xC0 } }
      }
      return samples
    }

    func image(_ size: ImageSize) -> Raster {
      var random = SplitMix64(seed: 7)
      let bytes = (0..<size.pixelCount).flatMap { pixel($0, of: size.pixelCount, random.next()) }
      return Raster(size: size, channels: channels, bitDepth: 8, bytes: bytes)
    }
  }

  @Test("a PNG of arriving rows equals that of the whole image", arguments: Content.allCases)
  func png(content: Content) throws {
    // The larger image is large enough for a second thread.
    let sizes = [ImageSize(width: 331, height: 277)] + (content == .noise ? [ImageSize(width: 820, height: 620)] : [])
    for size in sizes {
      let raster = content.image(size)
      let source = ImageSource.memory(try PNGEncoder(compression: .fast).encode(raster, color: .srgb))
      for compression in [Recipe.Compression.fast, .balanced, .small] {
        let expected = try PNGEncoder(compression: compression).encode(raster, color: .srgb)
        for threads in [1, 2] {
          let prepared = try ImagePreparer(limits: Limits(threads: threads)).prepareBlocking(
            source, as: Recipe(size: .original, output: .png(compression: compression)))
          #expect(prepared.bytes == expected, "\(size), \(compression), \(threads) threads")
        }
      }
    }
  }

  @Test(
    "a JPEG of arriving rows equals that of the whole image", arguments: [Content.noise, .gray],
    [Recipe.Output.jpeg(), .auto()])
  func jpeg(content: Content, output: Recipe.Output) throws {
    for size in [
      ImageSize(width: 331, height: 277), ImageSize(width: 1, height: 1), ImageSize(width: 820, height: 620),
    ] {
      let raster = content.image(size)
      let source = ImageSource.memory(try PNGEncoder(compression: .fast).encode(raster, color: .srgb))
      let isGray = try ImagePreparer().inspectBlocking(source).colorModel == .gray
      for threads in [1, 2] {
        let recipe = Recipe(size: .original, output: output)
        let preparer = ImagePreparer(limits: Limits(threads: threads))
        let pixels = Raster(try preparer.pixelsBlocking(of: source, as: recipe))
        let prepared = try preparer.prepareBlocking(source, as: recipe)
        guard prepared.format == .jpeg else { continue }
        #expect(prepared.subsampling == (isGray ? "gray" : "4:2:0"))
        #expect(try prepared.bytes == pixels.encodedJPEG(JPEGEncoding()), "\(size), \(threads) threads")
      }
    }
  }
}
