internal import CImageCodecs

/// Writes a PNG. libpng writes the chunks before the data. It does not write the data, because its `png_write_chunk` would copy them into the
/// encoder's output, from which they would be copied into the file: all data would be in memory three times.
struct PNGWriter: ~Copyable {
  private var file: [UInt8]
  private let cancellation: CancellationFlag?

  /// Writes all chunks before the image data, of which there will be `dataBytes`.
  init(
    _ form: PNGEncoderForm, color: PNGEncoder.Color, dataBytes: Int, cancellation: CancellationFlag?
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
    var header: UnsafePointer<UInt8>?
    var count = 0
    unsafe cic_png_encoder_output(handle.pointer, &header, &count)
    file = []
    file.reserveCapacity(count + dataBytes + Self.mostBytesBeside)
    unsafe file.append(contentsOf: UnsafeBufferPointer(start: header, count: count))
  }

  /// The bytes behind the header that are no data, unless there are GiBs of them.
  private static let mostBytesBeside = 100
  /// The most data of one chunk.
  private static let longestChunk = 1 << 30
  /// The bytes between two looks at the flag.
  private static let bytesBetweenLooks = 1 << 20

  /// Writes bytes of the zlib stream, in one chunk if they are below 1 GiB.
  ///
  /// - Throws: `canceled`.
  mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(PreparationError) {
    for start in stride(from: 0, to: bytes.count, by: Self.longestChunk) {
      let end = min(start + Self.longestChunk, bytes.count)
      // A chunk is its length, its type, its data, and the CRC-32 of both (PNG third edition, 5.3).
      file += PNGChunk.bigEndian(UInt32(end - start))
      let type = Array("IDAT".utf8)
      file += type
      var checksum = unsafe cic_crc32(0, type, type.count)
      for first in stride(from: start, to: end, by: Self.bytesBetweenLooks) {
        try cancellation?.check(.encode)
        let part = unsafe UnsafeBufferPointer(rebasing: bytes[first..<min(first + Self.bytesBetweenLooks, end)])
        unsafe file.append(contentsOf: part)
        checksum = unsafe cic_crc32(checksum, part.baseAddress!, part.count)
      }
      file += PNGChunk.bigEndian(checksum)
    }
  }

  /// Ends the file and returns its bytes.
  consuming func finish() -> [UInt8] {
    file += PNGChunk(type: "IEND", data: []).bytes
    return file
  }
}

/// Owns one C encoder.
@safe
private struct PNGEncoderHandle: ~Copyable {
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
