internal import CImageCodecs

/// Encodes rows of 8-bit gray, gray and alpha, RGB or RGBA as PNG, through libpng.
struct PNGEncoder: RowEncoder, ~Copyable {
  /// What a PNG says about its colors.
  enum Color: Sendable, Equatable {
    /// Nothing.
    case unspecified
    /// An sRGB chunk, perceptual.
    case srgb
    /// An iCCP chunk.
    case profile([UInt8])
  }

  private let handle: PNGEncoderHandle

  /// Writes the headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`: `unsupportedFeature` when libpng refuses the profile, or
  ///   `outOfMemory`.
  init(
    size: ImageSize, channels: RowLayout.Channels, compression: Recipe.Compression = .balanced, color: Color = .srgb
  ) throws(PreparationError) {
    precondition(channels != .cmyk, "a PNG has no inks")
    let handle = try PNGEncoderHandle()
    let profile: [UInt8] = if case .profile(let bytes) = color { bytes } else { [] }
    // Presets until the encoder of its own: one cheap filter with the fastest level, or the best filter of every row.
    let level: Int32 =
      switch compression {
      case .fast: 1
      case .balanced: 6
      case .small: 9
      }
    let status = unsafe profile.withUnsafeBufferPointer { profile in
      var options = unsafe cic_png_encoder_options(
        width: UInt32(size.width), height: UInt32(size.height), channels: Int32(channels.rawValue), level: level,
        all_filters: compression != .fast, srgb: color == .srgb, icc: profile.isEmpty ? nil : profile.baseAddress,
        icc_count: profile.count)
      return unsafe cic_png_encoder_start(handle.pointer, &options)
    }
    try handle.check(status)
    self.handle = handle
  }

  mutating func writeRows(from base: UnsafeRawPointer, stride: Int, count: Int) throws(PreparationError) {
    let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
    try handle.check(unsafe cic_png_write_rows(handle.pointer, bytes, stride, count))
  }

  mutating func finish() throws(PreparationError) -> [UInt8] {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    try handle.check(unsafe cic_png_encoder_finish(handle.pointer, &bytes, &count))
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}

/// Owns one C encoder.
@safe
struct PNGEncoderHandle: ~Copyable {
  let pointer: OpaquePointer

  init() throws(PreparationError) {
    guard let pointer = unsafe cic_png_encoder_create() else { throw .outOfMemory("the PNG encoder") }
    unsafe self.pointer = pointer
  }

  deinit { unsafe cic_png_encoder_destroy(pointer) }

  func check(_ status: cic_status) throws(PreparationError) {
    guard status != .CIC_OK else { return }
    throw .encoding("PNG", status, unsafe String(cString: cic_png_encoder_message(pointer)))
  }
}

// An encoder has one owner and is tied to no thread.
extension PNGEncoderHandle: @unchecked Sendable {}
