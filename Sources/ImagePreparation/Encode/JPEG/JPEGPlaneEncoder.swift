/// Encodes small planes as JPEG strip by strip, when the rows of a strip are done.
final class JPEGPlaneEncoder: RowSink {
  private var writer: JPEGPlaneWriter
  private var nextStrip = 0
  /// One strip for each plane, whose rows extend to whole blocks.
  private var strips: [[UInt8]]
  private let strides: [Int]
  private let conversion: ProfileConversion?
  private let cancellation: CancellationFlag?

  /// Writes the headers.
  ///
  /// - Parameters:
  ///   - size: Width and height of the image.
  ///   - planeCount: 1 or 3.
  ///   - encoding: The encoding.
  ///   - conversion: Converts the colors of each strip, and takes planes; nil for none.
  ///   - cancellation: Checked before each strip.
  /// - Throws: The errors of ``JPEGEncoder``.
  init(
    size: ImageSize, planeCount: Int, encoding: JPEGEncoding, conversion: ProfileConversion?,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) {
    writer = try JPEGPlaneWriter(size: size, planeCount: planeCount, encoding: encoding)
    self.conversion = conversion
    self.cancellation = cancellation
    // Rows extend to a multiple of 64 samples, because a conversion may read and write up to there.
    strides = writer.planeSizes.map { ($0.width + 63) / 64 * 64 }
    strips = zip(strides, writer.rowsPerStrip).map { [UInt8](repeating: 0, count: $0 * $1) }
  }

  func takeRows(of planes: [any GrowingPlane]) throws(PreparationError) -> Bool {
    let first = nextStrip
    try encode(planes.map(\.rowsDone)) { planes[$0].result }
    return nextStrip > first
  }

  func finish(_ planes: [any GrowingPlane]) throws(PreparationError) -> [UInt8]? {
    _ = try takeRows(of: planes)
    return try writer.finish()
  }

  /// Encodes whole planes, and returns all encoded bytes.
  func encode(_ planes: [Raster]) throws(PreparationError) -> [UInt8] {
    try encode(planes.map(\.size.height)) { planes[$0] }
    return try writer.finish()
  }

  private func encode(
    _ rowsDone: [Int], _ plane: (Int) -> Raster
  ) throws(PreparationError) {
    while nextStrip < writer.stripCount {
      for index in strips.indices {
        let end = min((nextStrip + 1) * writer.rowsPerStrip[index], writer.planeSizes[index].height)
        guard rowsDone[index] >= end else { return }
      }
      try cancellation?.check(.encode)
      for index in strips.indices { copyStrip(of: plane(index), index) }
      try writeStrip()
      nextStrip += 1
    }
  }

  /// Copies the next strip's rows into the strip buffer, whose rows extend to whole blocks.
  private func copyStrip(of plane: Raster, _ index: Int) {
    let first = nextStrip * writer.rowsPerStrip[index]
    let rows = min(writer.rowsPerStrip[index], plane.size.height - first)
    let stride = strides[index]
    unsafe plane.bytes.withUnsafeBufferPointer { source in
      unsafe strips[index].withUnsafeMutableBufferPointer { target in
        for y in 0..<rows {
          unsafe (target.baseAddress! + y * stride).update(
            from: source.baseAddress! + (first + y) * plane.rowBytes, count: plane.rowBytes)
        }
      }
    }
  }

  private func writeStrip() throws(PreparationError) {
    let bases = unsafe strips.indices.map { plane in
      unsafe strips[plane].withUnsafeMutableBufferPointer { $0.baseAddress }
    }
    if let conversion {
      let luma = writer.planeSizes[0]
      let rows = min(writer.rowsPerStrip[0], luma.height - nextStrip * writer.rowsPerStrip[0])
      unsafe conversion.convertPlanes(
        bases, strides: strides, width: luma.width, rows: rows,
        isHalved: writer.rowsPerStrip[0] != writer.rowsPerStrip.last)
    }
    try unsafe writer.writeStrip(from: bases, strides: strides)
  }
}
