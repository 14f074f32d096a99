/// What the user wants done to an image. A ``PreparationPlan`` says what will happen to one particular image.
public struct Recipe: Sendable, Equatable {
  /// How an image is fitted into a box of another shape (the CSS `object-fit` words, except `pad`).
  public enum Fit: String, Sendable, CaseIterable {
    /// Scaled to lie within the box; the result may be smaller than the box on one side.
    case contain
    /// Scaled to cover the box, the rest cropped.
    case cover
    /// Scaled to lie within the box, the rest filled with the background.
    case pad
    /// Scaled to the box's shape, whatever that does to the image's.
    case stretch
  }

  /// How sides become multiples of ``multipleOf``.
  public enum Snap: String, Sendable, CaseIterable {
    /// The smallest crop, centered, of an image scaled to cover the multiple.
    case crop
    /// Filled with the background up to the next multiple.
    case pad
    /// Scaled to the nearest multiple on each side.
    case stretch
  }

  /// How much of the shrinking the decoder may do (Documentation: performance).
  public enum Effort: String, Sendable, CaseIterable {
    /// Decoder shrinking down to just above the target.
    case fast
    /// Decoder shrinking only where a factor of at least 2 stays for the filter.
    case balanced
    /// No decoder shrinking.
    case best
  }

  /// The encoded form of the result.
  public enum OutputFormat: String, Sendable, CaseIterable {
    /// PNG for real transparency and for flat illustrations that PNG codes smaller, else JPEG.
    case auto
    /// Always JPEG.
    case jpeg
    /// Always PNG.
    case png
  }

  /// Chroma subsampling of JPEG results.
  public enum Subsampling: String, Sendable, CaseIterable {
    /// Chroma at half the width and height.
    case yuv420 = "420"
    /// Chroma at full size.
    case yuv444 = "444"
  }

  /// How much time a PNG result may take. All of them store the same pixels.
  public enum Compression: String, Sendable, CaseIterable {
    /// A twentieth of libpng's time at its default level; photographs are 4 % larger than there.
    case fast
    /// The size of libpng's default level in a fifth of its time.
    case balanced
    /// The size of libpng's highest level or less.
    case small
  }

  /// What happens to an embedded color profile.
  public enum ProfileHandling: String, Sendable, CaseIterable {
    /// Colors are converted to sRGB and the profile is dropped.
    case convert
    /// Samples stay as they are and the profile is embedded in the result.
    case keep
    /// Samples stay as they are and the profile is dropped.
    case ignore
  }

  /// What happens to EXIF, XMP and text.
  public enum MetadataHandling: String, Sendable, CaseIterable {
    /// Nothing but pixels leaves.
    case none
    /// EXIF, the XMP packet and text are kept, with their orientation reset to 1. A JPEG has one comment and no other text; what a
    /// result cannot hold is left out with a note.
    case keep
  }

  /// The longest side after the resize, in pixels; nil for no limit. Ignored when ``box`` is set.
  public var maxSide: Int?
  /// The exact target box in upright pixels.
  public var box: ImageSize?
  /// How the image is fitted into ``box``.
  public var fit: Fit
  /// Which part stays when cropping, and where the image lies when padding.
  public var gravity: Gravity
  /// The largest number of pixels of the result; aspect is kept.
  public var maxPixels: Int?
  /// Both sides become multiples of this.
  public var multipleOf: Int
  /// How they do.
  public var snap: Snap
  /// The sizes of the model the image is for; nil for any. Lowers ``maxSide`` and ``maxPixels``, sets ``multipleOf`` where
  /// that is 1, and enlarges what is smaller than the model takes.
  public var sizing: ModelSizing?
  /// Where result pixels lie in the source, as another image of the same size was prepared: for a mask, so that it fits the
  /// image it belongs to. All sizes above are left aside then, and ``trim`` is.
  public var geometry: GeometryRecord?
  /// True to trim borders that are fully transparent before anything else. The source is read twice.
  public var trim: Bool
  /// True when the image may be enlarged.
  public var enlarge: Bool
  /// The resampling filter.
  public var filter: ResamplingFilter
  /// True to resample in linear light.
  public var linear: Bool
  /// True for data such as normal maps: no conversion of color or light at all, and every channel resized on its own, also
  /// one that is stored as alpha. A JPEG leaves that one out, unless there is a ``background``.
  public var isData: Bool
  /// How much of the shrinking the decoder may do.
  public var effort: Effort
  /// The encoded form of the result.
  public var format: OutputFormat
  /// JPEG quality, 1 to 100.
  public var quality: Int
  /// JPEG chroma subsampling.
  public var subsampling: Subsampling
  /// PNG effort.
  public var compression: Compression
  /// The largest encoded size in bytes; nil for no limit. JPEG quality gives way first, down to ``minQuality``, then scale;
  /// of a PNG, compression, then scale. Palettes and fewer bits, where nothing is lost, are tried in any case.
  public var maxBytes: Int?
  /// The lowest JPEG quality that ``maxBytes`` may lead to, 1 to 100.
  public var minQuality: Int
  /// What transparency is flattened on (in linear light where the resize is), and padding filled with. With nil, alpha is kept (PNG) or flattened on white
  /// with a note (JPEG), and padding is transparent (PNG) or white (JPEG).
  public var background: BackgroundColor?
  /// What happens to an embedded color profile.
  public var profile: ProfileHandling
  /// What happens to EXIF, XMP and text.
  public var metadata: MetadataHandling
  /// Also makes a tensor of the prepared pixels (8 bits), before they are encoded; nil for none. Transparency is flattened
  /// on ``background`` for it, or on white; of data without a background it is left out.
  public var tensor: TensorFormat?
  /// How damaged the source may be.
  public var failOn: DamagePolicy
  /// Largest source in pixels.
  public var maxInputPixels: Int
  /// Largest number of bytes that buffers may take together.
  public var maxMemory: Int
  /// Threads a single image may use.
  public var threads: Int

  /// True when samples are mixed as light.
  var isLinear: Bool { linear && !isData }

  /// Makes the default recipe: longest side 1536, Lanczos3, upright, sRGB, JPEG or PNG as fits, nothing but pixels.
  public init() {
    maxSide = 1536
    box = nil
    fit = .contain
    gravity = .center
    maxPixels = nil
    multipleOf = 1
    snap = .crop
    sizing = nil
    geometry = nil
    trim = false
    enlarge = false
    filter = .lanczos3
    linear = false
    isData = false
    effort = .balanced
    format = .auto
    quality = 92
    subsampling = .yuv420
    compression = .balanced
    maxBytes = nil
    minQuality = 60
    background = nil
    profile = .convert
    metadata = .none
    tensor = nil
    failOn = .truncated
    maxInputPixels = 500_000_000
    maxMemory = 1024 * 1024 * 1024
    threads = 2
  }
}
