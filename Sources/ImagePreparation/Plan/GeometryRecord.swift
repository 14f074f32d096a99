/// The exact place of a result's pixels in its source, so that a result can be put back on the source's canvas.
///
/// The upright source (orientation applied) is cropped to `crop` (in upright source pixels, fractions allowed), scaled to
/// `content` and placed on a canvas of `canvas` pixels with its top left corner at `contentOrigin`.
public struct GeometryRecord: Sendable, Equatable {
  /// A rectangle in source pixels; edges may fall between pixels.
  public struct SourceRect: Sendable, Equatable {
    /// Left edge.
    public var x: Double
    /// Top edge.
    public var y: Double
    /// Width.
    public var width: Double
    /// Height.
    public var height: Double

    /// Makes a rectangle.
    public init(x: Double, y: Double, width: Double, height: Double) {
      self.x = x
      self.y = y
      self.width = width
      self.height = height
    }
  }

  /// The upright source's size.
  public var source: ImageSize
  /// The EXIF orientation that was applied to the stored rows.
  public var orientation: Orientation
  /// The part of the upright source that was kept.
  public var crop: SourceRect
  /// The size that the kept part was scaled to.
  public var content: ImageSize
  /// Column of the content's left edge on the canvas.
  public var contentX: Int
  /// Row of the content's top edge on the canvas.
  public var contentY: Int
  /// The size of the result.
  public var canvas: ImageSize

  /// Makes a record, which may contradict itself.
  package init(
    source: ImageSize, orientation: Orientation, crop: SourceRect, content: ImageSize, contentX: Int, contentY: Int,
    canvas: ImageSize
  ) {
    self.source = source
    self.orientation = orientation
    self.crop = crop
    self.content = content
    self.contentX = contentX
    self.contentY = contentY
    self.canvas = canvas
  }
}

extension GeometryRecord {
  /// True if the content does not fill the canvas.
  var isPadded: Bool { content != canvas }
}
