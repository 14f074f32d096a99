/// Encodes a result while its rows come, on the thread that makes them.
enum RowSink: ~Copyable {
  /// Planes that are upright and stay as they are.
  case planes(JPEGPlaneEncoder)
  /// Rows of gray or RGB as JPEG.
  case jpeg(JPEGRowStream)
  /// Rows of RGB or RGBA as PNG.
  case png(PNGRowStream)

  /// Encodes some of the rows that are done.
  ///
  /// - Returns: False when there is nothing to do yet.
  mutating func encodeSome(of resamplers: [PlaneResampler]) throws(PreparationError) -> Bool {
    switch consume self {
    case .planes(var encoder):
      let result = Result { () throws(PreparationError) in try encoder.encodeRows(of: resamplers) }
      self = .planes(encoder)
      return try result.get()
    case .jpeg(var encoder):
      let result = Result { () throws(PreparationError) in try encoder.encodeRows(of: resamplers[0]) }
      self = .jpeg(encoder)
      return try result.get()
    case .png(let encoder):
      self = .png(encoder)
      return try encoder.encodeSome(of: resamplers[0])
    }
  }

  /// Encodes what is left and ends the file; nil where it has to be encoded from the whole image.
  consuming func finish(_ resamplers: [PlaneResampler]) throws(PreparationError) -> [UInt8]? {
    switch consume self {
    case .planes(var encoder):
      _ = try encoder.encodeRows(of: resamplers)
      return try encoder.finish()
    case .jpeg(var encoder):
      _ = try encoder.encodeRows(of: resamplers[0])
      return try encoder.finish()
    case .png(let encoder): return try encoder.finish(resamplers[0])
    }
  }
}

/// Encodes interleaved rows as JPEG as they come.
struct JPEGRowStream: ~Copyable {
  private var encoder: JPEGEncoder
  private var nextRow = 0

  init(_ encoder: consuming JPEGEncoder) { self.encoder = encoder }

  /// Encodes all rows that are done; false if there are none.
  mutating func encodeRows(of resampler: PlaneResampler) throws(PreparationError) -> Bool {
    let end = resampler.rowsDone
    guard end > nextRow else { return false }
    let result = resampler.result
    let (first, rowBytes) = (nextRow, result.rowBytes)
    nextRow = end
    try unsafe result.bytes.withUnsafeBufferPointer { bytes throws(PreparationError) in
      try unsafe encoder.writeRows(
        from: UnsafeRawPointer(bytes.baseAddress! + first * rowBytes), stride: rowBytes, count: end - first)
    }
    return true
  }

  /// Ends the image and gives all encoded bytes.
  mutating func finish() throws(PreparationError) -> [UInt8] { try encoder.finish() }
}
