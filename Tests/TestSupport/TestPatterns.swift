public import ImagePreparation

/// Images that are hard to resize, made from a seed.
public enum TestPattern: String, CaseIterable, Sendable {
  /// Every sample is 0 or 255 at random, so that rounding errors of weights have the largest effect.
  case twoValued
  /// Every sample 0…255 at random.
  case noise
  /// A checkerboard of single pixels.
  case checkerboard
  /// Slow ramps with a step. Long runs have equal fractions, and the step overshoots.
  case ramps
  /// White dots on black, far apart.
  case dots
  /// One value everywhere.
  case flat
  /// A smooth gradient, a level every few pixels.
  case gradient
  /// Single vertical and horizontal lines of every brightness on mid-gray.
  case lines

  /// The patterns that are difficult for every filter.
  public static let hard: [TestPattern] = [.twoValued, .noise, .checkerboard, .ramps, .dots]

  /// Makes an image of 8-bit samples.
  public func image(_ size: ImageSize, channels: Int, seed: UInt64 = 1) -> PixelImage<UInt8> {
    var random = SplitMix64(seed: seed)
    var samples = [UInt8](repeating: 0, count: size.pixelCount * channels)
    var i = 0
    for y in 0..<size.height {
      for x in 0..<size.width {
        for c in 0..<channels {
          switch self {
          case .twoValued: samples[i] = random.next() & 1 == 0 ? 0 : 255
          case .noise: samples[i] = UInt8(truncatingIfNeeded: random.next())
          case .checkerboard: samples[i] = (x + y + c) % 2 == 0 ? 255 : 0
          case .ramps: samples[i] = x > size.width / 2 ? 255 : UInt8(truncatingIfNeeded: x / 3 + y * (c + 1) / 5)
          case .dots: samples[i] = x % 23 == 7 && y % 19 == 5 ? 255 : 0
          case .flat: samples[i] = UInt8(truncatingIfNeeded: 37 + 90 * c)
          case .gradient: samples[i] = UInt8((x * (c + 1) + y * 2) * 255 / (size.width * (c + 1) + size.height * 2))
          case .lines:
            let onLine = x % 31 == 11 || y % 29 == 13
            samples[i] = onLine ? UInt8(truncatingIfNeeded: (x / 31 + y / 29 * 7) * 53 + c * 90) : 128
          }
          i += 1
        }
      }
    }
    return PixelImage(size: size, channels: channels, samples: samples)
  }
}

/// Noise, and files of noise. They are made in this module because it is optimized in every build.
public enum TestNoise {
  /// 16-bit samples of noise. The last one of two or four channels is never 0, because colors would lose their meaning there.
  public static func words(_ size: ImageSize, channels: Int, seed: UInt64 = 3) -> [UInt16] {
    var random = SplitMix64(seed: seed)
    return (0..<size.pixelCount * channels).map { i in
      let isAlpha = channels % 2 == 0 && i % channels == channels - 1
      return UInt16.random(in: isAlpha ? 1...65_535 : 0...65_535, using: &random)
    }
  }

  /// The samples as rows of a PNG without filters: each row is a 0 and then its samples, with the most significant byte first.
  public static func unfilteredRows(_ words: [UInt16], perRow: Int) -> [UInt8] {
    var rows: [UInt8] = []
    rows.reserveCapacity(words.count * 2 + words.count / perRow)
    for (i, word) in words.enumerated() {
      if i % perRow == 0 { rows.append(0) }
      rows.append(UInt8(word >> 8))
      rows.append(UInt8(word & 255))
    }
    return rows
  }

  /// One color with random alpha. If alpha is 0, another color is hidden there.
  public static func softAlpha(_ color: [UInt8], hidden: [UInt8], size: ImageSize) -> PixelImage<UInt8> {
    var random = SplitMix64(seed: 7)
    let samples = (0..<size.pixelCount).flatMap { i -> [UInt8] in
      // Small areas of a few pixels are transparent, soft or opaque.
      let noise = UInt8(truncatingIfNeeded: random.next())
      let alpha = [0, noise, 255, noise / 16][(i / 5 + i / size.width / 3) % 4]
      return (alpha == 0 ? hidden : color) + [alpha]
    }
    return PixelImage(size: size, channels: 4, samples: samples)
  }
}
