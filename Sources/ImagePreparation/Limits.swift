/// How much one image may take. All of it is checked before memory is taken or work is done, and no limit changes a result.
public struct Limits: Sendable, Equatable {
  /// Largest source, width times height.
  public var maxPixels: Int
  /// Largest number of bytes that buffers may take together, those of a codec that holds the whole image included.
  public var maxMemory: Int
  /// Threads that one image may use, 1 or more.
  public var threads: Int
  /// Progressive scans (libjpeg-turbo: "Two Issues with the JPEG Standard" advises about 1,000).
  public var maxScans: Int
  /// Bytes of one ICC profile.
  public var maxProfileBytes: Int
  /// Bytes of a JPEG's metadata beside the first EXIF segment, packet and comment; segments that would exceed it are left out.
  public var maxMetadataBytes: Int
  /// Bytes of one ancillary chunk of a PNG.
  public var maxChunkBytes: Int
  /// Ancillary chunks that libpng keeps.
  public var maxChunks: Int

  /// Makes limits; the defaults fit photographs and renderings on a machine of today.
  public init(
    maxPixels: Int = 500_000_000, maxMemory: Int = 1 << 30, threads: Int = 2, maxScans: Int = 1_000,
    maxProfileBytes: Int = 16 << 20, maxMetadataBytes: Int = 16 << 20, maxChunkBytes: Int = 16 << 20,
    maxChunks: Int = 1_000
  ) {
    self.maxPixels = maxPixels
    self.maxMemory = maxMemory
    self.threads = threads
    self.maxScans = maxScans
    self.maxProfileBytes = maxProfileBytes
    self.maxMetadataBytes = maxMetadataBytes
    self.maxChunkBytes = maxChunkBytes
    self.maxChunks = maxChunks
  }
}

extension Limits {
  /// Refuses sizes above ``maxPixels``.
  package func check(_ size: ImageSize) throws(PreparationError) {
    guard size.pixelCount > maxPixels else { return }
    throw PreparationError(
      .tooManyPixels, stage: .decode,
      "\(size) is \(size.pixelCount) pixels, more than the limit of \(maxPixels)",
      remedy: "raise --max-input-pixels if you trust the file")
  }

  /// Refuses memory above ``maxMemory`` before it is taken.
  func check(bytes: Int, of what: String, remedy: String) throws(PreparationError) {
    guard bytes > maxMemory else { return }
    throw PreparationError(
      .tooMuchMemory, stage: .decode,
      "\(what) takes \(bytes) bytes of memory at once, more than the limit of \(maxMemory)", remedy: remedy)
  }
}
