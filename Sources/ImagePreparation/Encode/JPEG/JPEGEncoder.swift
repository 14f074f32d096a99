internal import CImageCodecs

/// The settings of a baseline JPEG with JFIF header and standard Huffman tables.
struct JPEGEncoding: Sendable, Equatable {
  /// The quality, 1 to 100, on the scale of the Independent JPEG Group; it may have a fraction.
  var quality = 92.0
  /// Chroma at half width and height, or at full size; not used for gray.
  var subsampling = Recipe.Subsampling.yuv420
  /// True for Huffman tables that are optimized for the image: the file is a few percent smaller, and encoding takes several times as
  /// long.
  var optimizesTables = false
  /// The profile to write as APP2 segments.
  var iccProfile: [UInt8]?

  /// libjpeg-turbo's longest side (`JPEG_MAX_DIMENSION`).
  static let longestSide = 65_500

  fileprivate func start(
    size: ImageSize, components: Int, planes: Bool
  ) throws(PreparationError) -> JPEGEncoderHandle {
    precondition((1...100).contains(quality), "quality \(quality) is not in 1...100")
    guard size.longestSide <= Self.longestSide else {
      throw PreparationError(
        .unsupportedFeature, stage: .encode, "\(size) does not fit in a JPEG, whose sides end at \(Self.longestSide)",
        remedy: .either(.makeSmaller, or: "write a PNG"))
    }
    let handle = try JPEGEncoderHandle()
    let status = unsafe (iccProfile ?? []).withUnsafeBufferPointer { profile in
      var options = unsafe cic_jpeg_encoder_options(
        width: UInt32(size.width), height: UInt32(size.height), components: Int32(components),
        quality: quality, subsampled: subsampling == .yuv420, planes: planes, optimized: optimizesTables,
        icc: profile.isEmpty ? nil : profile.baseAddress, icc_count: profile.count)
      return unsafe cic_jpeg_encoder_start(handle.pointer, &options)
    }
    try handle.check(status)
    return handle
  }
}

/// Encodes rows of 8-bit gray or RGB as JPEG.
struct JPEGEncoder: RowEncoder, ~Copyable {
  private let handle: JPEGEncoderHandle

  /// Writes the headers. `channels` are gray or RGB.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`: `unsupportedFeature` or `outOfMemory`.
  init(
    size: ImageSize, channels: RowLayout.Channels, encoding: JPEGEncoding = JPEGEncoding()
  ) throws(PreparationError) {
    precondition(channels == .gray || channels == .rgb, "a JPEG is written of gray or RGB, not of \(channels)")
    handle = try encoding.start(size: size, components: channels.rawValue, planes: false)
  }

  mutating func writeRows(from base: UnsafeRawPointer, stride: Int, count: Int) throws(PreparationError) {
    let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
    try handle.check(unsafe cic_jpeg_write_rows(handle.pointer, bytes, stride, count))
  }

  mutating func finish() throws(PreparationError) -> [UInt8] { try handle.finish() }
}

/// Encodes planes (Y, Cb, Cr, or luma alone) as JPEG, without color conversion or downsampling.
struct JPEGPlaneWriter: ~Copyable {
  /// Width and height of each plane; chroma of 4:2:0 has half of luma's, rounded up.
  let planeSizes: [ImageSize]
  /// Rows of each plane in a strip: 8, or 16 for the luma of 4:2:0. The last strip may have fewer.
  let rowsPerStrip: [Int]
  /// The number of strips to write.
  let stripCount: Int

  private let handle: JPEGEncoderHandle

  /// Writes the headers. `planeCount` is 1 or 3.
  ///
  /// - Throws: The errors of ``JPEGEncoder``.
  init(size: ImageSize, planeCount: Int, encoding: JPEGEncoding = JPEGEncoding()) throws(PreparationError) {
    precondition(planeCount == 1 || planeCount == 3, "a JPEG is written of 1 or 3 planes, not of \(planeCount)")
    handle = try encoding.start(size: size, components: planeCount, planes: true)
    let factor = planeCount == 3 && encoding.subsampling == .yuv420 ? 2 : 1
    let chroma = ImageSize(width: (size.width + factor - 1) / factor, height: (size.height + factor - 1) / factor)
    planeSizes = [size] + Array(repeating: chroma, count: planeCount - 1)
    rowsPerStrip = [8 * factor] + Array(repeating: 8, count: planeCount - 1)
    stripCount = (size.height + 8 * factor - 1) / (8 * factor)
  }

  /// Encodes the next strip.
  ///
  /// - Parameters:
  ///   - bases: One pointer for each plane, to the strip's rows. The memory of a row extends to the next multiple of 8 samples, into
  ///     which the last sample is repeated.
  ///   - strides: The distance in bytes between the beginnings of two rows, for each plane.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  mutating func writeStrip(
    from bases: [UnsafeMutablePointer<UInt8>?], strides: [Int]
  ) throws(PreparationError) {
    unsafe precondition(bases.count == planeSizes.count && strides.count == bases.count, "\(planeSizes.count) planes")
    try handle.check(unsafe cic_jpeg_write_planes(handle.pointer, bases, strides))
  }

  /// Ends the image and returns all encoded bytes.
  mutating func finish() throws(PreparationError) -> [UInt8] { try handle.finish() }
}

/// Owns one C encoder.
@safe
struct JPEGEncoderHandle: ~Copyable {
  let pointer: OpaquePointer

  init() throws(PreparationError) {
    guard let pointer = unsafe cic_jpeg_encoder_create() else { throw .outOfMemory("the JPEG encoder") }
    unsafe self.pointer = pointer
  }

  deinit { unsafe cic_jpeg_encoder_destroy(pointer) }

  func check(_ status: cic_status) throws(PreparationError) {
    guard status != .CIC_OK else { return }
    throw .encoding("JPEG", status, unsafe String(cString: cic_jpeg_encoder_message(pointer)))
  }

  func finish() throws(PreparationError) -> [UInt8] {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    try check(unsafe cic_jpeg_encoder_finish(pointer, &bytes, &count))
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}

// An encoder has one owner and may move between threads.
extension JPEGEncoderHandle: @unchecked Sendable {}

extension PreparationError {
  static func encoding(_ name: String, _ status: cic_status, _ message: String) -> PreparationError {
    status == .CIC_OUT_OF_MEMORY
      ? PreparationError(
        .outOfMemory, stage: .encode, "the system has no memory for the \(name)",
        remedy: "close other programs and try again")
      : PreparationError(
        .unsupportedFeature, stage: .encode, "the \(name) cannot be written: \(message)",
        remedy: "choose another format or color profile")
  }
}
