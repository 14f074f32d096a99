/// A prepared image: encoded bytes and the record of how they came to be.
public struct PreparedImage: Sendable {
  /// The encoded file.
  public let bytes: [UInt8]
  /// Its format.
  public let format: ImageDescription.Format
  /// Width and height of the result.
  public let size: ImageSize
  /// JPEG quality used; nil for PNG.
  public let quality: Int?
  /// JPEG subsampling used, as `4:2:0`, `4:4:4` or `gray`; nil for PNG.
  public let subsampling: String?
  /// SHA-256 of ``bytes`` in lowercase hexadecimal.
  public let sha256: String
  /// What the source's headers said.
  public let source: ImageDescription
  /// What was done.
  public let plan: PreparationPlan
  /// Where result pixels lie in the source.
  public let geometry: GeometryRecord
  /// Time spent.
  public let timings: Timings
  /// What a user should know, each a short sentence without a period, for example `stripped GPS`.
  public internal(set) var notes: [String]
  /// The pixels before they were encoded, as the recipe's ``Recipe/tensor`` wants them.
  public let tensor: Tensor?

  /// Wall-clock milliseconds. Stages overlap when more than one thread is used, so they may add up to more than `total`.
  public struct Timings: Sendable, Equatable {
    /// Reading and decoding rows.
    public var decode = 0.0
    /// Resampling.
    public var resize = 0.0
    /// Orientation, color, alpha and depth on the small image.
    public var color = 0.0
    /// Encoding.
    public var encode = 0.0
    /// From opening the source to the last encoded byte.
    public var total = 0.0
  }
}

/// Where the pixels of a result lie in its source; exact, so that a result can be put back on the source's canvas.
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

  /// The source's size as a viewer shows it.
  public var source: ImageSize
  /// The EXIF orientation that was applied to the stored rows.
  public var orientation: Orientation
  /// The part of the upright source that was kept.
  public var crop: SourceRect
  /// The size that part was scaled to.
  public var content: ImageSize
  /// Column of the content's left edge on the canvas.
  public var contentX: Int
  /// Row of the content's top edge on the canvas.
  public var contentY: Int
  /// The size of the result.
  public var canvas: ImageSize
}
