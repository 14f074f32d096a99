internal import Ground

/// The rows of one plane between decoder and resize, in reused memory: row `y` in slot `y % rowCapacity`.
///
/// Rows arrive in strips. The capacity is a whole number of strips, so that the rows of a strip are consecutive in memory.
@safe
final class RowRing: @unchecked Sendable {
  // Unchecked: `StripQueue` ensures that the decoder's thread writes only strips that the other side has released.

  /// Bytes after each row that a vector may read or write.
  static let slack = 64

  /// The offset of rows from a multiple of 64 bytes. libjpeg-turbo's color conversion writes vector-aligned rows around the cache, and
  /// the resize would have to read them back from memory at once.
  private static let displacement = 16

  /// Rows of a strip.
  let stripRows: Int
  /// The number of strips that fit.
  let stripCapacity: Int
  /// The distance in bytes between the beginnings of two rows.
  let stride: Int
  private let memory: AlignedBuffer<UInt8>

  /// Allocates a ring.
  ///
  /// - Parameters:
  ///   - stripRows: The rows of a strip.
  ///   - rowBytes: The bytes that are written to a row.
  ///   - window: The most rows that one output row needs.
  ///   - ahead: The number of strips that may be decoded ahead of the window.
  init(stripRows: Int, rowBytes: Int, window: Int, ahead: Int) {
    self.stripRows = stripRows
    stripCapacity = Self.stripCapacity(stripRows: stripRows, window: window, ahead: ahead)
    stride = Self.stride(rowBytes: rowBytes)
    memory = AlignedBuffer(
      count: Self.bytesNeeded(stripRows: stripRows, rowBytes: rowBytes, window: window, ahead: ahead), zeroed: false)
  }

  /// The bytes that a ring takes.
  static func bytesNeeded(stripRows: Int, rowBytes: Int, window: Int, ahead: Int) -> Int {
    displacement + stripCapacity(stripRows: stripRows, window: window, ahead: ahead) * stripRows
      * stride(rowBytes: rowBytes)
  }

  /// The number of strips that fit. A window may begin and end in the middle of a strip.
  private static func stripCapacity(stripRows: Int, window: Int, ahead: Int) -> Int {
    (window + stripRows - 2) / stripRows + 1 + ahead
  }

  private static func stride(rowBytes: Int) -> Int { (rowBytes + 63) / 64 * 64 + slack }

  /// The first byte of row `y`.
  func row(_ y: Int) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(memory.base) + Self.displacement + y % (stripCapacity * stripRows) * stride
  }
}
