public import ImagePreparation

/// Images that are hard to resize, made from a seed.
public enum TestPattern: String, CaseIterable, Sendable {
  /// Every sample 0 or 255 at random: rounding errors of weights count most.
  case twoValued
  /// Every sample 0…255 at random.
  case noise
  /// A checkerboard of single pixels.
  case checkerboard
  /// Slow ramps with a step: equal fractions in long runs, and overshoot.
  case ramps
  /// White dots on black, far apart.
  case dots
  /// One value everywhere.
  case flat
  /// A smooth gradient, a level every few pixels.
  case gradient
  /// Single lines of every brightness on mid-gray, upright and level.
  case lines

  /// Those that are hard on every filter.
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
