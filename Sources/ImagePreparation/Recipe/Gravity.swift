/// Which part of an image stays when it is cropped, and where it lies when it is padded.
public enum Gravity: String, Sendable, CaseIterable {
  /// The middle.
  case center
  /// The top edge's middle.
  case north
  /// The top right corner.
  case northeast
  /// The right edge's middle.
  case east
  /// The bottom right corner.
  case southeast
  /// The bottom edge's middle.
  case south
  /// The bottom left corner.
  case southwest
  /// The left edge's middle.
  case west
  /// The top left corner.
  case northwest
  /// What stands out most, when cropping (<doc:AttentionCrop>): the source is read twice. Padding is centered.
  case attention

  /// Shares of the free space that lie left of and above the kept part, 0, 1/2 or 1, in halves.
  var halves: (left: Int, top: Int) {
    switch self {
    case .center, .attention: (1, 1)
    case .north: (1, 0)
    case .northeast: (2, 0)
    case .east: (2, 1)
    case .southeast: (2, 2)
    case .south: (1, 2)
    case .southwest: (0, 2)
    case .west: (0, 1)
    case .northwest: (0, 0)
    }
  }

  /// Where a part of length `part` begins in a whole of length `whole`, along each axis.
  func offset(of part: ImageSize, in whole: ImageSize) -> (x: Int, y: Int) {
    ((whole.width - part.width) * halves.left / 2, (whole.height - part.height) * halves.top / 2)
  }
}
