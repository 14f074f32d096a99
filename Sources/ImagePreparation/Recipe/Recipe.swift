/// The user's wishes for a prepared image. A ``PreparationPlan`` holds the decisions for one particular image.
///
/// ``Limits`` are separate, because they change no result.
public struct Recipe: Sendable, Equatable {
  /// The part of the shrinking that the decoder may do.
  public enum Effort: String, Sendable, CaseIterable {
    /// The decoder shrinks down to just above the target.
    case fast
    /// The decoder shrinks only as far as a factor of at least 2 is left for the resampling filter.
    case balanced
    /// The decoder does not shrink.
    case best
  }

  /// The handling of EXIF, XMP and text.
  public enum MetadataHandling: String, Sendable, CaseIterable {
    /// The result contains pixels only.
    case none
    /// EXIF, the XMP packet and text are kept, with their orientation reset to 1. A JPEG has one comment and no other text; metadata
    /// that the result cannot hold are left out with a note.
    case keep
  }

  /// The part of the source that the result shows, and the size of the result.
  public var size: Size
  /// The meaning of the samples: colors, or data.
  public var samples: Samples
  /// The resampling filter.
  public var resamplingFilter: ResamplingFilter
  /// The part of the shrinking that the decoder may do.
  public var effort: Effort
  /// The color that transparency is flattened on (in linear light if the resize is) and that padding is filled with. With nil, alpha is
  /// kept (PNG) or flattened on white with a note (JPEG), and padding is transparent (PNG) or white (JPEG).
  public var background: BackgroundColor?
  /// The encoded form of the result.
  public var output: Output
  /// The handling of EXIF, XMP and text.
  public var metadata: MetadataHandling
  /// How damaged the source may be.
  public var failOn: DamagePolicy

  /// Makes a recipe. By default: longest side 1536, Lanczos3, upright, sRGB, automatic choice of JPEG or PNG, no metadata.
  public init(
    size: Size = .longestSide(1536), samples: Samples = .color(), resamplingFilter: ResamplingFilter = .lanczos3,
    effort: Effort = .balanced, background: BackgroundColor? = nil, output: Output = .auto(),
    metadata: MetadataHandling = .none, failOn: DamagePolicy = .truncated
  ) {
    self.size = size
    self.samples = samples
    self.resamplingFilter = resamplingFilter
    self.effort = effort
    self.background = background
    self.output = output
    self.metadata = metadata
    self.failOn = failOn
  }
}
