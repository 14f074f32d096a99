/// What the user wants done to an image. A ``PreparationPlan`` says what will happen to one particular image.
///
/// A recipe says nothing about how much work it may take: that is for ``Limits``.
public struct Recipe: Sendable, Equatable {
  /// How much of the shrinking the decoder may do.
  public enum Effort: String, Sendable, CaseIterable {
    /// Decoder shrinking down to just above the target.
    case fast
    /// Decoder shrinking only where a factor of at least 2 stays for the resampling filter.
    case balanced
    /// No decoder shrinking.
    case best
  }

  /// What happens to EXIF, XMP and text.
  public enum MetadataHandling: String, Sendable, CaseIterable {
    /// Nothing but pixels leaves.
    case none
    /// EXIF, the XMP packet and text are kept, with their orientation reset to 1. A JPEG has one comment and no other text; what a
    /// result cannot hold is left out with a note.
    case keep
  }

  /// The part of the source that the result shows, and the size of the result.
  public var size: Size
  /// What samples mean: colors, or data.
  public var samples: Samples
  /// The resampling filter.
  public var resamplingFilter: ResamplingFilter
  /// How much of the shrinking the decoder may do.
  public var effort: Effort
  /// What transparency is flattened on (in linear light where the resize is), and padding filled with. With nil, alpha is kept (PNG)
  /// or flattened on white with a note (JPEG), and padding is transparent (PNG) or white (JPEG).
  public var background: BackgroundColor?
  /// The encoded form of the result.
  public var output: Output
  /// What happens to EXIF, XMP and text.
  public var metadata: MetadataHandling
  /// How damaged the source may be.
  public var failOn: DamagePolicy

  /// Makes a recipe; by default longest side 1536, Lanczos3, upright, sRGB, JPEG or PNG as fits, nothing but pixels.
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
