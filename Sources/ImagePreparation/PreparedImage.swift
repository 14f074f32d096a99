/// A prepared image: encoded bytes and the records of the preparation.
public struct PreparedImage: Sendable {
  /// The encoded file.
  public let bytes: [UInt8]
  /// Its format.
  public let format: EncodedFormat
  /// Width and height of the result.
  public let size: ImageSize
  /// The quality of a JPEG or a lossy WebP; nil for a lossless file.
  public let quality: Int?
  /// The subsampling of a JPEG or a lossy WebP, as `4:2:0`, `4:4:4` or `gray`; nil for a lossless file.
  public let subsampling: String?
  /// Bits per sample, 8 or 16. A PNG of 8 may store gray and palettes in fewer.
  public let bits: Int
  /// The content of the source's headers.
  public let source: ImageDescription
  /// The plan that was carried out.
  public let plan: PreparationPlan
  /// The geometry record, which maps result pixels to the source.
  public let geometry: GeometryRecord
  /// Time spent.
  public let timings: Timings
  /// Notes for the user, each a short sentence without a period, for example `stripped GPS`.
  public internal(set) var notes: [String]
  /// The pixels before they were encoded, as a tensor, if one was requested.
  public let tensor: Tensor?

  /// Wall-clock milliseconds. Stages overlap when more than one thread is used, so they may add up to more than `total`.
  public struct Timings: Sendable, Equatable, Codable {
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
