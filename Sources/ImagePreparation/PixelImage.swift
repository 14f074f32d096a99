/// An image in memory: interleaved samples, rows from top to bottom without padding.
///
/// `samples[(y * size.width + x) * channels + c]` is channel `c` of the pixel in column `x` of row `y`. Channels are
/// gray; gray, alpha; red, green, blue; or red, green, blue, alpha. Alpha is straight (not premultiplied).
public struct PixelImage<Sample: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable, Equatable {
  /// Width and height in pixels.
  public let size: ImageSize
  /// Samples per pixel: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
  public let channels: Int
  /// `size.pixelCount * channels` samples, 0 to `Sample.max`.
  public var samples: [Sample]

  /// Makes an image of given samples.
  ///
  /// - Precondition: `samples.count == size.pixelCount * channels`, and `channels` is 1 to 4.
  public init(size: ImageSize, channels: Int, samples: [Sample]) {
    precondition((1...4).contains(channels), "an image has 1 to 4 channels, not \(channels)")
    precondition(samples.count == size.pixelCount * channels, "\(samples.count) samples do not fill \(size)")
    self.size = size
    self.channels = channels
    self.samples = samples
  }

  /// True when the last channel is alpha.
  public var hasAlpha: Bool { channels == 2 || channels == 4 }
}
