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
          }
          i += 1
        }
      }
    }
    return PixelImage(size: size, channels: channels, samples: samples)
  }
}
