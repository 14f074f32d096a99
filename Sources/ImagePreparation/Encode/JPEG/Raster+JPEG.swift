extension Raster {
  /// This raster, of 8-bit gray or RGB, as JPEG.
  func encodedJPEG(
    _ encoding: JPEGEncoding, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> [UInt8] {
    var encoder = try JPEGEncoder(size: size, channels: channels, encoding: encoding)
    let rowBytes = rowBytes
    for band in Self.bands(size.height) {
      try cancellation?.check(.encode)
      try unsafe bytes.withUnsafeBufferPointer { rows throws(PreparationError) in
        try unsafe encoder.writeRows(
          from: UnsafeRawPointer(rows.baseAddress! + band.lowerBound * rowBytes), stride: rowBytes, count: band.count)
      }
    }
    return try encoder.finish()
  }
}
