extension Raster {
  /// This raster, of 8-bit gray or RGB, as JPEG.
  func encodedJPEG(_ encoding: JPEGEncoding) throws(PreparationError) -> [UInt8] {
    var encoder = try JPEGEncoder(size: size, channels: channels, encoding: encoding)
    return try encode(with: &encoder)
  }

  private func encode(with encoder: inout some RowEncoder & ~Copyable) throws(PreparationError) -> [UInt8] {
    let height = size.height
    let rowBytes = rowBytes
    try unsafe bytes.withUnsafeBufferPointer { rows throws(PreparationError) in
      try unsafe encoder.writeRows(from: UnsafeRawPointer(rows.baseAddress!), stride: rowBytes, count: height)
    }
    return try encoder.finish()
  }
}
