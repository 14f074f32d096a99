internal import Ground

/// The rows of one plane between decoder and resize, in reused memory: row `y` in slot `y % rowCapacity`.
///
/// Rows arrive in strips. The capacity is a whole number of strips, so a strip is never torn apart.
@safe
final class RowRing: @unchecked Sendable {
  // Unchecked: `StripQueue` makes sure that the decoder's thread writes only strips that the other side has released.

  /// Bytes after each row that a vector may read or write.
  static let slack = 64

  /// Where rows begin beyond a multiple of 64 bytes: libjpeg-turbo's color conversion writes rows that are aligned to a vector
  /// past the cache, from where the resize would have to fetch them at once.
  private static let displacement = 16

  /// Strips that may be decoded ahead of the rows that are needed: several where two threads share the work.
  static func stripsAhead(threads: Int) -> Int { threads > 1 ? 6 : 1 }

  /// Rows of a strip.
  let stripRows: Int
  /// Strips there is room for.
  let stripCapacity: Int
  /// Bytes from row to row.
  let stride: Int
  private let memory: AlignedBuffer<UInt8>

  /// Makes room.
  ///
  /// - Parameters:
  ///   - rowBytes: Bytes that are written to a row.
  ///   - window: The most rows that one output row needs.
  ///   - ahead: Strips that may be decoded ahead of the window.
  init(stripRows: Int, rowBytes: Int, window: Int, ahead: Int) {
    self.stripRows = stripRows
    stripCapacity = Self.stripCapacity(stripRows: stripRows, window: window, ahead: ahead)
    stride = Self.stride(rowBytes: rowBytes)
    memory = AlignedBuffer(
      count: Self.bytesNeeded(stripRows: stripRows, rowBytes: rowBytes, window: window, ahead: ahead), zeroed: false)
  }

  /// Bytes that a ring takes.
  static func bytesNeeded(stripRows: Int, rowBytes: Int, window: Int, ahead: Int) -> Int {
    displacement + stripCapacity(stripRows: stripRows, window: window, ahead: ahead) * stripRows
      * stride(rowBytes: rowBytes)
  }

  /// A window may begin and end in the middle of a strip.
  private static func stripCapacity(stripRows: Int, window: Int, ahead: Int) -> Int {
    (window + stripRows - 2) / stripRows + 1 + ahead
  }

  private static func stride(rowBytes: Int) -> Int { (rowBytes + 63) / 64 * 64 + slack }

  /// The first byte of row `y`.
  func row(_ y: Int) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(memory.base) + Self.displacement + y % (stripCapacity * stripRows) * stride
  }
}
