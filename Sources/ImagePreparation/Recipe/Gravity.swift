/// The part of an image that stays when it is cropped, and the place of an image that is padded.
public enum Gravity: Sendable, Hashable {
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
  /// When cropping, a point of the upright image. It is given in shares of the width and the height, from 0 at the left and the top to 1.
  /// It becomes the middle of the part that stays, as far as the edges allow. Padding is centered.
  case focus(x: Double, y: Double)

  /// The shares of the free space that lie left of and above the kept part, in halves: 0, 1 or 2.
  private var halves: (left: Int, top: Int) {
    switch self {
    case .center, .attention, .focus: (1, 1)
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
    if case .focus(let x, let y) = self {
      return (
        max(0, min(x * whole.width - part.width / 2, slack.x)), max(0, min(y * whole.height - part.height / 2, slack.y))
      )
    }
    let origin = (x: slack.x * Double(halves.left) / 2, y: slack.y * Double(halves.top) / 2)
    guard self == .attention, let attention else { return origin }
    let shift = attention.shift(ofWidth: part.width / whole.width, height: part.height / whole.height)
    return (origin.x * (1 + shift.x), origin.y * (1 + shift.y))
  }

  /// This gravity for a part of the source that counts as the whole: a point of the source becomes one of the part.
  func within(_ part: GeometryRecord.SourceRect, of source: ImageSize) -> Gravity {
    guard case .focus(let x, let y) = self else { return self }
    return .focus(
      x: max(0, min((x * Double(source.width) - part.x) / part.width, 1)),
      y: max(0, min((y * Double(source.height) - part.y) / part.height, 1)))
  }
}

extension Gravity: CaseIterable {
  /// All gravities that need no values.
  public static let allCases: [Gravity] = [
    .center, .north, .northeast, .east, .southeast, .south, .southwest, .west, .northwest, .attention,
  ]

  /// Finds one of ``allCases`` by its name, which is that of the case.
  public init?(named name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// The name of the case.
  public var name: String {
    switch self {
    case .center: "center"
    case .north: "north"
    case .northeast: "northeast"
    case .east: "east"
    case .southeast: "southeast"
    case .south: "south"
    case .southwest: "southwest"
    case .west: "west"
    case .northwest: "northwest"
    case .attention: "attention"
    case .focus: "focus"
    }
  }
}
