/// A width and a height in whole pixels.
public struct ImageSize: Sendable, Hashable, Codable, CustomStringConvertible {
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

extension ImageSize {
  /// True when both sizes have the same shape, apart from differences that rounding the sides to steps of 16 pixels can make.
  package func hasShape(of other: ImageSize) -> Bool {
    // Each side is compared with the side that it would have in the other size's shape. To avoid divisions, both are multiplied by the
    // other size's sides.
    let difference = abs(width * other.height - height * other.width)
    return difference <= 8 * max(other.width, other.height)
  }
}
