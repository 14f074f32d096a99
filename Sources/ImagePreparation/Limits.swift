/// The resources that one image may use. All limits are checked before memory is allocated or work is done, and no limit changes a
/// result. The helper process is a resource in this sense: without it, its kinds of file are refused.
public struct Limits: Sendable, Equatable {
  /// The largest source in pixels, width times height.
  public var maxPixels: Int
  /// The most bytes of all buffers together, including those of a codec that holds the whole image.
  public var maxMemory: Int
  /// The most threads of one image, 1 or more.
  public var threads: Int
  /// The most scans of a progressive JPEG (libjpeg-turbo's "Two Issues with the JPEG Standard" advises about 1,000).
  public var maxScans: Int
  /// The most bytes of an ICC profile.
  public var maxProfileBytes: Int
  /// The most bytes of a JPEG's metadata besides the first EXIF segment, packet and comment. Segments above this limit are left out.
  public var maxMetadataBytes: Int
  /// The most bytes of an ancillary chunk of a PNG.
  public var maxChunkBytes: Int
  /// The most ancillary chunks that libpng keeps.
  public var maxChunks: Int
  /// The path of `gesso-decode`, the program that decodes HEIC and AVIF in a process of its own; nil to refuse them. Nothing else is
  /// searched for it. It is built with the trait `HEIF`, of the same version of this package.
  public var decodeHelper: String?
  /// The most seconds that this process may take for one picture, and the most processor time.
  public var maxHelperSeconds: Int

  /// Makes limits. The defaults fit photographs and renderings on a machine of 2026.
  public init(
    maxPixels: Int = 500_000_000, maxMemory: Int = 1 << 30, threads: Int = 2, maxScans: Int = 1_000,
    maxProfileBytes: Int = 16 << 20, maxMetadataBytes: Int = 16 << 20, maxChunkBytes: Int = 16 << 20,
    maxChunks: Int = 1_000, decodeHelper: String? = nil, maxHelperSeconds: Int = 300
  ) {
    self.maxPixels = maxPixels
    self.maxMemory = maxMemory
    self.threads = threads
    self.maxScans = maxScans
    self.maxProfileBytes = maxProfileBytes
    self.maxMetadataBytes = maxMetadataBytes
    self.maxChunkBytes = maxChunkBytes
    self.maxChunks = maxChunks
    self.decodeHelper = decodeHelper
    self.maxHelperSeconds = maxHelperSeconds
  }
}

extension Limits {
  /// The longest side of a source: buffers for rows and tables of taps grow with it, whatever the number of pixels is.
  static let longestSide = 1_000_000

  /// Throws for sizes above ``maxPixels``, or with a side above ``longestSide``.
  package func check(_ size: ImageSize) throws(PreparationError) {
    guard size.longestSide <= Self.longestSide else {
      throw PreparationError(
        .limitExceeded, stage: .decode, "\(size) has a side above the limit of \(Self.longestSide) pixels",
        remedy: "cut it into parts first")
    }
    guard size.pixelCount > maxPixels else { return }
    throw PreparationError(
      .tooManyPixels, stage: .decode,
      "\(size) is \(size.pixelCount) pixels, more than the limit of \(maxPixels)",
      remedy: .raise(.sourcePixels, atLeast: size.pixelCount))
  }

  /// Throws for memory above ``maxMemory``, before it is allocated.
  ///
  /// `other` is a remedy besides a higher limit.
  func check(bytes: Int, of what: String, or other: Remedy? = nil) throws(PreparationError) {
    guard bytes > maxMemory else { return }
    let raise = Remedy.raise(.memory, atLeast: bytes)
    throw PreparationError(
      .tooMuchMemory, stage: .decode,
      "\(what) takes \(bytes) bytes of memory at once, more than the limit of \(maxMemory)",
      remedy: other.map { .either(raise, or: $0) } ?? raise)
  }
}
