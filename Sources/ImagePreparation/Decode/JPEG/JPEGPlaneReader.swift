internal import CImageCodecs

/// Reads the planes of a JPEG strip by strip, without chroma upsampling and color conversion.
///
/// A strip is one row of interleaved MCUs: for 4:2:0 at full scale, 16 rows of luma and 8 of each chroma plane. When the decoder
/// scales, libjpeg-turbo may shrink chroma less than luma (4:2:0 at 1/2 has chroma at luma's size), so each plane has its own size.
struct JPEGPlaneReader: ~Copyable {
  /// One component.
  struct Plane: Sendable, Equatable {
    /// The width and height of the plane in samples.
    var size: ImageSize
    /// The samples that are written to a row: whole blocks, at least the width.
    var paddedWidth: Int
    /// Rows of a strip. A strip's buffer must hold all of them, also for the last strip.
    var rowsPerStrip: Int

    /// The rows of strip `index`, from 0, that belong to the image: fewer in the last strip.
    func rows(inStrip index: Int) -> Int { min(rowsPerStrip, size.height - index * rowsPerStrip) }
  }

  /// Gray has one plane, YCbCr has Y, Cb and Cr. Planes of other files are as coded, with Adobe's inversion.
  let planes: [Plane]
  /// The number of strips of the image.
  let stripCount: Int

  private var decoder: JPEGDecoder
  private let scale: JPEGScale
  private var isStarted = false
  private var nextStrip = 0
  private var firstFilledStrip: Int?

  /// Configures a decoder whose headers are read. libjpeg-turbo starts with the first strip.
  ///
  /// - Throws: The errors of ``JPEGDecoder/configure(scale:output:)``.
  init(_ decoder: consuming JPEGDecoder, scale: JPEGScale = .full) throws(PreparationError) {
    let layout = try decoder.configure(scale: scale, output: .CIC_JPEG_OUT_PLANES)
    let (a, b, c, d) = layout.planes
    planes = [a, b, c, d].prefix(Int(layout.plane_count)).map { plane in
      Plane(
        size: ImageSize(width: Int(plane.width), height: Int(plane.height)), paddedWidth: Int(plane.padded_width),
        rowsPerStrip: Int(plane.rows_per_strip))
    }
    stripCount = Int(layout.strip_count)
    self.scale = scale
    self.decoder = decoder
  }

  /// The codec's own handle, which lives as long as this value.
  var handle: OpaquePointer { unsafe decoder.handle.pointer }
  /// The most scans of a file.
  var maxScans: Int { decoder.failure.limits.maxScans }
  /// The content of the headers.
  var description: ImageDescription { decoder.description }
  /// Width and height of the whole scaled image.
  var outputSize: ImageSize { decoder.outputSize }
  /// The damage that was overlooked so far; rows are those of luma.
  var damage: DecodingDamage {
    let filledRow = firstFilledStrip.map { $0 * planes[0].rowsPerStrip }
    return decoder.failure.damage(decoder.handle.report, filledRow: filledRow, scale: scale.rawValue)
  }

  /// Decodes the next strip.
  ///
  /// - Parameters:
  ///   - bases: One pointer for each plane, to `rowsPerStrip` rows.
  ///   - strides: The distance in bytes between the beginnings of two rows: at least the plane's `paddedWidth`.
  /// - Returns: False after the last strip, when nothing was written.
  /// - Throws: The errors of ``JPEGDecoder/start(scale:output:)``.
  mutating func readStrip(
    into bases: [UnsafeMutablePointer<UInt8>?], strides: [Int]
  ) throws(PreparationError) -> Bool {
    guard nextStrip < stripCount else { return false }
    if !isStarted {
      try decoder.startCodec()
      isStarted = true
    }
    unsafe precondition(bases.count == planes.count && strides.count == planes.count, "\(planes.count) planes")
    if firstFilledStrip == nil {
      var delivered = false
      let status = unsafe cic_jpeg_read_planes(decoder.handle.pointer, bases, strides, &delivered)
      if status != .CIC_OK {
        guard decoder.failure.isOverlooked(status) else {
          throw decoder.failure.error(status, decoder.handle.report)
        }
        firstFilledStrip = nextStrip
      }
    }
    if firstFilledStrip != nil {
      for (k, plane) in planes.enumerated() {
        for y in 0..<plane.rowsPerStrip {
          unsafe (bases[k]! + y * strides[k]).update(repeating: 128, count: plane.paddedWidth)
        }
      }
    }
    nextStrip += 1
    return true
  }

  /// Reads to the end marker after the last strip.
  mutating func finish() throws(PreparationError) {
    if firstFilledStrip == nil { try decoder.finish() }
  }
}
