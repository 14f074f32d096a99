/// The part of an image that stays when it is cropped, and the place of an image that is padded.
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
  /// The most salient part, when cropping (<doc:AttentionCrop>). The source is read twice. Padding is centered.
  case attention

  /// The shares of the free space that lie left of and above the kept part, in halves: 0, 1 or 2.
  private var halves: (left: Int, top: Int) {
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

  /// The offset of a part of size `part` in a whole of size `whole`.
  func offset(of part: ImageSize, in whole: ImageSize) -> (x: Int, y: Int) {
    ((whole.width - part.width) * halves.left / 2, (whole.height - part.height) * halves.top / 2)
  }

  /// The left and the top edge of a part of a source of size `whole`. `attention` is the source's saliency; nil to take the middle.
  func origin(
    of part: GeometryRecord.SourceRect, in whole: (width: Double, height: Double), attention: Attention?
  ) -> (x: Double, y: Double) {
    let slack = (x: whole.width - part.width, y: whole.height - part.height)
    let origin = (x: slack.x * Double(halves.left) / 2, y: slack.y * Double(halves.top) / 2)
    guard self == .attention, let attention else { return origin }
    let shift = attention.shift(ofWidth: part.width / whole.width, height: part.height / whole.height)
    return (origin.x * (1 + shift.x), origin.y * (1 + shift.y))
  }
}
