/// Encodes interleaved rows as JPEG while they arrive.
final class JPEGRowStream: RowSink {
  private var encoder: JPEGEncoder
  private var nextRow = 0

  /// True for channels that can be encoded while rows arrive.
  static func takes(_ channels: RowLayout.Channels) -> Bool { channels == .rgb || channels == .gray }

  init(_ encoder: consuming JPEGEncoder) { self.encoder = encoder }

  func takeRows(of planes: [any GrowingPlane]) throws(PreparationError) -> Bool {
    let end = planes[0].rowsDone
    guard end > nextRow else { return false }
    let result = planes[0].result
    let (first, rowBytes) = (nextRow, result.rowBytes)
    nextRow = end
    try unsafe result.bytes.withUnsafeBufferPointer { bytes throws(PreparationError) in
      try unsafe encoder.writeRows(
        from: UnsafeRawPointer(bytes.baseAddress! + first * rowBytes), stride: rowBytes, count: end - first)
    }
    return true
  }

  func finish(_ planes: [any GrowingPlane]) throws(PreparationError) -> [UInt8]? {
    _ = try takeRows(of: planes)
    return try encoder.finish()
  }
}
