internal import CImageCodecs

/// Writes the chunks of a PNG through libpng.
struct PNGWriter: ~Copyable {
  private let handle: PNGEncoderHandle
  private let cancellation: CancellationFlag?

  /// Writes all chunks before the image data.
  init(
    _ form: PNGEncoderForm, color: PNGEncoder.Color, cancellation: CancellationFlag?
  ) throws(PreparationError) {
    self.cancellation = cancellation
    let handle = try PNGEncoderHandle()
    let profile: [UInt8] = if case .profile(let bytes) = color { bytes } else { [] }
    let status = unsafe profile.withUnsafeBufferPointer { profile in
      unsafe form.palette.withUnsafeBufferPointer { palette in
        unsafe form.paletteAlpha.withUnsafeBufferPointer { alpha in
          var options = unsafe cic_png_encoder_options(
            width: UInt32(form.size.width), height: UInt32(form.size.height), bit_depth: Int32(form.bitDepth),
            color_type: form.colorType.rawValue, srgb: color == .srgb,
            icc: profile.isEmpty ? nil : profile.baseAddress, icc_count: profile.count,
            palette: palette.isEmpty ? nil : palette.baseAddress, palette_count: Int32(palette.count / 3),
            alpha: alpha.isEmpty ? nil : alpha.baseAddress, alpha_count: Int32(alpha.count))
          return unsafe cic_png_encoder_start(handle.pointer, &options)
        }
      }
    }
    try handle.check(status)
    self.handle = handle
  }

  /// Writes bytes of the zlib stream, in one chunk if they are below 1 GiB.
  ///
  /// - Throws: `canceled` and `outOfMemory`, of stage `encode`.
  func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(PreparationError) {
    guard let base = bytes.baseAddress else { return }
    try handle.check(unsafe cic_png_write_data(handle.pointer, base, bytes.count, cancellation?.pointer))
  }

  /// Ends the file and returns its bytes.
  ///
  /// - Throws: `canceled` and `outOfMemory`, of stage `encode`.
  func finish() throws(PreparationError) -> [UInt8] {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    try handle.check(unsafe cic_png_encoder_finish(handle.pointer, &bytes, &count))
    var file: [UInt8] = []
    file.reserveCapacity(count)
    for start in stride(from: 0, to: count, by: 1 << 20) {
      if cancellation?.isCanceled == true { throw .canceled(.encode) }
      unsafe file.append(contentsOf: UnsafeBufferPointer(start: bytes! + start, count: min(1 << 20, count - start)))
    }
    return file
  }
}

/// Owns one C encoder.
///
/// It is not private: in debug builds, other files that destroy a writer would get a destructor from Swift 6.3.1 that calls itself.
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
    guard status != .CIC_CANCELED else { throw .canceled(.encode) }
    throw .encoding("PNG", status, unsafe String(cString: cic_png_encoder_message(pointer)))
  }
}
