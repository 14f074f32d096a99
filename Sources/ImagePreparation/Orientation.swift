/// The position of stored rows and columns in the upright image: the EXIF orientation (CIPA DC-008, tag 0x0112).
public enum Orientation: Int, Sendable, CaseIterable, Codable {
  /// Row 0 is the top, column 0 the left.
  case upright = 1
  /// Mirrored left to right.
  case mirrored = 2
  /// Turned by 180 degrees.
  case upsideDown = 3
  /// Mirrored top to bottom.
  case flipped = 4
  /// Mirrored along the main diagonal: row 0 is the left, column 0 the top.
  case transposed = 5
  /// Needs a quarter turn clockwise: row 0 is the right, column 0 the top.
  case turnRight = 6
  /// Mirrored along the other diagonal: row 0 is the right, column 0 the bottom.
  case transversed = 7
  /// Needs a quarter turn counterclockwise: row 0 is the left, column 0 the bottom.
  case turnLeft = 8

  /// True when the upright image's width is the stored height.
  public var swapsSides: Bool { rawValue >= 5 }
}
