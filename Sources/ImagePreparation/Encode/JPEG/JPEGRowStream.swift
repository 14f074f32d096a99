/// Encodes interleaved rows as JPEG while they arrive.
final class JPEGRowStream: RowSink {
  private var encoder: JPEGEncoder
  private let cancellation: CancellationFlag?
  private var nextRow = 0

  /// True for channels that can be encoded while rows arrive.
  static func takes(_ channels: RowLayout.Channels) -> Bool { channels == .rgb || channels == .gray }

  init(_ encoder: consuming JPEGEncoder, cancellation: CancellationFlag?) {
    self.encoder = encoder
    self.cancellation = cancellation
  }

  func takeRows(of planes: [any GrowingPlane]) throws(PreparationError) -> Bool {
    let end = planes[0].rowsDone
    guard end > nextRow else { return false }
    let result = planes[0].result
    let rowBytes = result.rowBytes
    while nextRow < end {
      try cancellation?.check(.encode)
      let (first, count) = (nextRow, min(end - nextRow, Raster.bandRows))
      try unsafe result.bytes.withUnsafeBufferPointer { bytes throws(PreparationError) in
        try unsafe encoder.writeRows(
          from: UnsafeRawPointer(bytes.baseAddress! + first * rowBytes), stride: rowBytes, count: count)
      }
      nextRow += count
    }
    return true
  }

  func finish(_ planes: [any GrowingPlane]) throws(PreparationError) -> [UInt8]? {
    _ = try takeRows(of: planes)
    return try encoder.finish()
  }
}
