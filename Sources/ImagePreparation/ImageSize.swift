/// A width and a height in whole pixels.
public struct ImageSize: Sendable, Hashable, CustomStringConvertible {
  /// Pixels from left to right.
  public var width: Int
  /// Pixels from top to bottom.
  public var height: Int

  /// Makes a size. Both sides are at least 1 wherever a size describes an image.
  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Width times height.
  public var pixelCount: Int { width * height }

  /// The longer side.
  public var longestSide: Int { max(width, height) }

  /// The size after a quarter turn.
  public var transposed: ImageSize { ImageSize(width: height, height: width) }

  /// For example `1536x1024`.
  public var description: String { "\(width)x\(height)" }
}
