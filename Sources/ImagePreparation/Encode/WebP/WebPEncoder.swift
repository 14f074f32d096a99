internal import CImageCodecs
internal import Ground

/// Encodes RGB or RGBA of 8 bits as WebP through libwebp, which is opened when it is first used. The file is lossy with a quality, or
/// lossless to the last bit, including the colors of transparent pixels.
struct WebPEncoder: Sendable {
  /// Lossy at a quality from 1 to 100, whose chroma has half the width and height; nil for lossless.
  var quality: Double?
  /// The balance of time and size.
  var compression: Recipe.Compression
  /// The profile to write.
  var iccProfile: [UInt8]?
  /// The flag that is polled while libwebp works.
  var cancellation: CancellationFlag?

  /// The longest side of the format (RFC 9649, 2.6 and 3.4).
  static let longestSide = 16_383

  /// Lossy images of more pixels are coded without libwebp's buffer of all coefficients. This takes up to 50 % more time.
  static let mostBufferedPixels = 16 << 20

  /// The bytes that encoding an image takes: libwebp's copy of the image, the file and its copies, and the data that libwebp keeps of every
  /// pixel. For a lossless file, these data are four lists of references to earlier pixels; for a lossy file of up to
  /// ``mostBufferedPixels``, the codes of all coefficients. In libwebp 1.2.4, noise takes 42 bytes a pixel if lossless, 33 if lossy, and 7
  /// if lossy without the buffer of coefficients. The copy of a file takes 4 bytes a pixel at most if lossless, and 2 if lossy.
  static func bytesNeeded(_ size: ImageSize, isLossless: Bool) -> Int {
    size.pixelCount * (isLossless ? 52 : size.pixelCount <= mostBufferedPixels ? 40 : 10)
  }

  /// libwebp's level of lossless files from 0 to 9, and its method of lossy ones from 0 to 6. Level 6 of lossless files takes four times as
  /// long as level 5, for files of the same size.
  private var effort: Int32 {
    switch compression {
    case .fast: quality == nil ? 1 : 2
    case .balanced: quality == nil ? 3 : 4
    case .small: 5
    }
  }

  /// Checks that an image can be encoded, before its pixels are read.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`: `invalidRecipe` for a longer side than ``longestSide``, and without libwebp.
  static func check(_ size: ImageSize) throws(PreparationError) {
    guard cic_webp_can_encode() else { throw missingLibrary }
    guard size.longestSide <= longestSide else {
      throw PreparationError(
        .invalidRecipe, stage: .encode, "\(size) does not fit in a WebP, whose sides end at \(longestSide)",
        remedy: .either(.makeSmaller, or: .writePNG))
    }
  }

  /// Encodes an image that ``check(_:)`` accepts. Gray becomes RGB.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`: `canceled`, `outOfMemory`, or `unsupportedFeature` for a large lossy picture with
  ///   more details than the format has room for.
  func encode(_ raster: Raster) throws(PreparationError) -> [UInt8] {
    precondition(raster.bitDepth == 8 && raster.channels != .cmyk, "8 bits of gray or RGB")
    let hasAlpha = raster.channels.hasAlpha
    let image =
      try raster.channels == .rgb || raster.channels == .rgba
      ? raster
      : raster.inBands(cancellation, .encode) { hasAlpha ? $0.expandedToRGBA() : $0.expandedToRGBA().withoutAlpha() }
    let channels = hasAlpha ? 4 : 3
    guard let encoder = unsafe cic_webp_encoder_create(cancellation?.pointer) else {
      throw .outOfMemory("the WebP encoder")
    }
    defer { unsafe cic_webp_encoder_destroy(encoder) }
    var options = cic_webp_encoder_options(
      width: UInt32(image.size.width), height: UInt32(image.size.height), has_alpha: hasAlpha, lossless: quality == nil,
      quality: Float(quality ?? 0), effort: effort,
      saves_memory: image.size.pixelCount > Self.mostBufferedPixels)
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    let status = unsafe image.bytes.withUnsafeBufferPointer {
      unsafe cic_webp_encode(encoder, &options, $0.baseAddress!, Int32(image.size.width * channels), &bytes, &count)
    }
    if status == .CIC_CANCELED { throw .canceled(.encode) }
    guard status != .CIC_TOO_LARGE else {
      throw PreparationError(
        .unsupportedFeature, stage: .encode, "\(image.size) with so many details does not fit in a WebP",
        remedy: .either(.makeSmaller, or: .writePNG))
    }
    guard status == .CIC_OK else { throw .encoding("WebP", status, "libwebp refuses it") }
    let file = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let iccProfile else { return file }
    var container = WebPContainer(file)
    container.set("ICCP", iccProfile)
    return container.bytes
  }

  static let missingLibrary = PreparationError(
    .invalidRecipe, stage: .encode, "a WebP needs libwebp, and that is not installed",
    remedy: "install it, for example: apt-get install libwebp7")
}
