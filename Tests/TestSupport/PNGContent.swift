/// The content of an image. Each kind uses another path of the encoder.
public enum PNGContent: String, CaseIterable, Sendable {
  /// Random samples: no matches can be found.
  case noise
  /// Slopes with a little noise: filters, and codes without matches.
  case slopes
  /// One color.
  case flat
  /// 17 colors. They need 5 bits for a pixel, so a PNG takes 8.
  case fewColors
  /// Two colors in random order.
  case twoColors
  /// One piece of noise that is repeated: matches at many distances.
  case tiles
  /// Long equal runs: matches of the longest length.
  case runs

  /// Samples of 8 bits in rows without padding, the same at every call.
  public func samples(width: Int, height: Int, channels: Int) -> [UInt8] {
    var random = SplitMix64(seed: UInt64(width * 31 + height * 7 + channels))
    let tile = (0..<977).map { _ in UInt8.random(in: 0...255, using: &random) }
    let palette = (0..<17 * channels).map { _ in UInt8.random(in: 0...255, using: &random) }
    var samples = [UInt8]()
    samples.reserveCapacity(width * height * channels)
    for y in 0..<height {
      for x in 0..<width {
        let color =
          switch self {
          case .flat: 0
          case .twoColors: Int.random(in: 0...1, using: &random)
          case .runs: (y * width + x) / 1_500 % 17
          default: Int.random(in: 0..<17, using: &random)
          }
        for c in 0..<channels {
          switch self {
          case .noise: samples.append(UInt8.random(in: 0...255, using: &random))
          case .slopes:
            samples.append(UInt8(truncatingIfNeeded: x * 2 + y * (c + 1) + Int.random(in: 0...3, using: &random)))
          case .tiles: samples.append(tile[samples.count % tile.count])
          case .flat, .fewColors, .twoColors, .runs: samples.append(palette[color * channels + c])
          }
        }
      }
    }
    return samples
  }

  /// Samples of one to four channels as red, green, blue and alpha.
  public static func rgba(_ samples: [UInt8], channels: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(samples.count / channels * 4)
    for i in stride(from: 0, to: samples.count, by: channels) {
      for c in 0..<3 { result.append(samples[channels < 3 ? i : i + c]) }
      result.append(channels % 2 == 0 ? samples[i + channels - 1] : 255)
    }
    return result
  }
}
