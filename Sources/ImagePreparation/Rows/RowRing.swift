internal import Ground

/// The rows of one plane between decoder and resize, in reused memory: row `y` in slot `y % rowCapacity`.
///
/// Rows arrive in strips. The capacity is a whole number of strips, so that the rows of a strip are consecutive in memory.
@safe
final class RowRing: @unchecked Sendable {
  // Unchecked: `StripQueue` ensures that the decoder's thread writes only strips that the other side has released.

  /// Bytes after each row that a vector may read or write.
  static let slack = 64

  /// The offset of rows from a multiple of 64 bytes. libjpeg-turbo's color conversion writes vector-aligned rows past the cache to memory,
  /// and the resize would have to read them from memory right after that.
  private static let displacement = 16

  /// Rows of a strip.
  let stripRows: Int
  /// The number of strips that fit.
  let stripCapacity: Int
  /// The distance in bytes between the beginnings of two rows.
  let stride: Int
  private let memory: AlignedBuffer<UInt8>
  /// Rows that are read from their own memory, without a copy; nil if all are in ``memory``.
  private let rows: UnsafeRawPointer?
  /// The number of those rows.
  private let rowsInPlace: Int
  private let rowBytes: Int

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
    unsafe rows = nil
    rowsInPlace = 0
    self.rowBytes = rowBytes
  }

  /// Makes a ring of rows that are all in memory already, without gaps, and are only read. Vectors may read past the end of a row, so the
  /// last ``slack`` bytes are copied.
  ///
  /// - Parameters:
  ///   - rows: The first row. The memory must outlive the ring.
  ///   - rowBytes: The bytes of a row.
  ///   - count: The number of rows.
  init(rows: UnsafeRawPointer, rowBytes: Int, count: Int) {
    let copied = min((Self.slack + rowBytes - 1) / rowBytes, count)
    stripRows = copied
    stripCapacity = 1
    stride = Self.stride(rowBytes: rowBytes)
    memory = AlignedBuffer(count: Self.displacement + copied * stride, zeroed: false)
    unsafe self.rows = rows
    rowsInPlace = count - copied
    self.rowBytes = rowBytes
    for y in rowsInPlace..<count {
      unsafe row(y).copyMemory(from: rows + y * rowBytes, byteCount: rowBytes)
    }
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
    if y < rowsInPlace, let rows = unsafe rows { return unsafe UnsafeMutableRawPointer(mutating: rows + y * rowBytes) }
    return unsafe UnsafeMutableRawPointer(memory.base) + Self.displacement + y % (stripCapacity * stripRows) * stride
  }
}
