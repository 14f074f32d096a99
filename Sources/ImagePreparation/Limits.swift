/// The resources that one image may use. All limits are checked before memory is allocated or work is done, and no limit changes a
/// result. The helper process is a resource in this sense: without it, its kinds of file are refused.
public struct Limits: Sendable, Equatable, Codable {
  /// The largest source in pixels, width times height.
  public var maxPixels: Int
  /// The longest side of a source in pixels: buffers for rows and tables of taps grow with it, whatever the number of pixels is. A value
  /// above ``longestSide`` counts as ``longestSide``.
  public var maxSide: Int
  /// The most encoded bytes of a source. The bytes of a file and of memory are known before one is read; the bytes of a pipe are counted
  /// while they are read.
  public var maxSourceBytes: Int
  /// The most pixels of a source for each of its encoded bytes. Photographs have 2 to 20, flat drawings up to about 350, and a file made to
  /// fill memory up to 8,000 (DEFLATE: 1,032 to 1, and 8 pixels to a byte) or, as WebP or AVIF, more. This limit does not apply to pipes,
  /// because the number of their bytes is not known when the limit is checked.
  public var maxPixelsPerByte: Int
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
  /// The most texts of a PNG that are kept, each of which is a chunk. Those above this limit are left out, and a note says so.
  public var maxChunks: Int
  /// The path of `gesso-decode`, the program that decodes HEIC and AVIF in a process of its own; nil to refuse them. No other place
  /// is searched for it. It has to be built with the trait `HEIF`, from the same version of this package.
  public var decodeHelper: String?
  /// The most seconds that the helper process, or another process in which an image is isolated, may take for one picture. The processor
  /// time of the process has the same limit.
  public var maxHelperSeconds: Int
  /// The most seconds of the clock for one call, waiting for a pipe included. The time is checked wherever a ``CancellationFlag`` is.
  public var maxSeconds: Int

  /// Makes limits. The defaults fit photographs and renderings on a machine of 2026.
  public init(
    maxPixels: Int = 500_000_000, maxSide: Int = Self.longestSide, maxSourceBytes: Int = .max,
    maxPixelsPerByte: Int = .max, maxMemory: Int = 1 << 30, threads: Int = 2, maxScans: Int = 1_000,
    maxProfileBytes: Int = 16 << 20, maxMetadataBytes: Int = 16 << 20, maxChunkBytes: Int = 16 << 20,
    maxChunks: Int = 1_000, decodeHelper: String? = nil, maxHelperSeconds: Int = 300, maxSeconds: Int = .max
  ) {
    self.maxPixels = maxPixels
    self.maxSide = maxSide
    self.maxSourceBytes = maxSourceBytes
    self.maxPixelsPerByte = maxPixelsPerByte
    self.maxMemory = maxMemory
    self.threads = threads
    self.maxScans = maxScans
    self.maxProfileBytes = maxProfileBytes
    self.maxMetadataBytes = maxMetadataBytes
    self.maxChunkBytes = maxChunkBytes
    self.maxChunks = maxChunks
    self.decodeHelper = decodeHelper
    self.maxHelperSeconds = maxHelperSeconds
    self.maxSeconds = maxSeconds
  }

  /// A set of limits by its name.
  public enum Preset: String, CaseIterable, Sendable {
    /// For the user's own sources: photographs, scans, panoramas and renderings. The default.
    case artist
    /// For files of strangers: ``Limits/service``.
    case service

    /// The limits.
    public var limits: Limits { self == .artist ? Limits() : .service }
  }

  /// Limits for files of strangers, on a machine that serves many of them: 100 megapixels, sides of 30,000, files of 64 MiB, 1,000
  /// pixels for each byte, 512 MiB of memory, 100 scans, 4 MiB of a profile, of metadata and of a chunk, 200 chunks, and 30 seconds.
  ///
  /// The largest photographs of phones and of most cameras pass; scans and panoramas that artists work with do not.
  public static let service = Limits(
    maxPixels: 100_000_000, maxSide: 30_000, maxSourceBytes: 64 << 20, maxPixelsPerByte: 1_000, maxMemory: 512 << 20,
    maxScans: 100, maxProfileBytes: 4 << 20, maxMetadataBytes: 4 << 20, maxChunkBytes: 4 << 20, maxChunks: 200,
    maxHelperSeconds: 30, maxSeconds: 30)
}

extension Limits {
  /// The longest side that any limits allow: row buffers and offsets are computed for it.
  public static let longestSide = 1_000_000

  /// Throws for sizes above ``maxPixels``, or with a side above ``maxSide`` or ``longestSide``.
  package func check(_ size: ImageSize) throws(PreparationError) {
    guard size.longestSide <= Self.longestSide else {
      throw PreparationError(
        .limitExceeded, stage: .decode, "\(size) has a side above the limit of \(Self.longestSide) pixels",
        remedy: "cut it into parts first")
    }
    guard size.longestSide <= maxSide else {
      throw PreparationError(
        .limitExceeded, stage: .decode, "\(size) has a side above the limit of \(maxSide) pixels",
        remedy: .raise(.sourceSide, atLeast: size.longestSide))
    }
    guard size.pixelCount > maxPixels else { return }
    throw PreparationError(
      .tooManyPixels, stage: .decode,
      "\(size) is \(size.pixelCount) pixels, more than the limit of \(maxPixels)",
      remedy: .raise(.sourcePixels, atLeast: size.pixelCount))
  }

  /// Throws for a source of more bytes than ``maxSourceBytes``.
  func check(sourceBytes count: Int) throws(PreparationError) {
    guard count > maxSourceBytes else { return }
    throw PreparationError(
      .limitExceeded, stage: .open, "it has \(count) bytes, more than the limit of \(maxSourceBytes)",
      remedy: .raise(.sourceBytes, atLeast: count))
  }

  /// Throws for more pixels for each of `count` bytes than ``maxPixelsPerByte``.
  func check(_ size: ImageSize, codedIn count: Int) throws(PreparationError) {
    let (most, isUnlimited) = maxPixelsPerByte.multipliedReportingOverflow(by: max(count, 1))
    guard !isUnlimited, size.pixelCount > most else { return }
    throw PreparationError(
      .limitExceeded, stage: .decode,
      "\(size) in \(count) bytes is more than the limit of \(maxPixelsPerByte) pixels for a byte",
      remedy: .raise(.pixelsPerByte, atLeast: (size.pixelCount + count - 1) / count))
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
