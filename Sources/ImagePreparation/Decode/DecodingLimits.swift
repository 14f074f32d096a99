/// Limits that are checked before memory is taken or work is done.
struct DecodingLimits: Sendable, Equatable {
  /// Largest width times height.
  var maxPixels = 500_000_000
  /// Bytes a codec may hold: whole-image buffers of progressive and interlaced files included.
  var maxMemory = 1024 * 1024 * 1024
  /// Progressive scans (libjpeg-turbo: "Two Issues with the JPEG Standard" advises about 1,000).
  var maxScans = 1_000
  /// Bytes of one ICC profile.
  var maxProfileBytes = 16 * 1024 * 1024
  /// Bytes of a JPEG's metadata beside the first EXIF segment, packet and comment; segments that would exceed it are left out.
  var maxMetadataBytes = 16 * 1024 * 1024
  /// Bytes of one ancillary chunk of a PNG.
  var maxChunkBytes = 16 * 1024 * 1024
  /// Ancillary chunks that libpng keeps.
  var maxChunks = 1_000
}

extension DecodingLimits {
  /// Refuses sizes above ``maxPixels``.
  func check(_ size: ImageSize) throws(PreparationError) {
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
