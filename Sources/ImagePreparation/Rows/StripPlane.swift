/// The rows of one plane as a decoder delivers them.
struct StripPlane: Sendable, Equatable {
  /// The layout of a row.
  var layout: RowLayout
  /// Rows of the whole plane.
  var height: Int
  /// Rows of a strip; the last strip may have fewer.
  var stripRows: Int
  /// The bytes that are written to a row: at least those of the layout.
  var rowBytes: Int

  /// Rows of the first `strips` strips.
  func rows(inStrips strips: Int) -> Int { min(strips * stripRows, height) }
}

/// Strips of interleaved rows.
enum RowStrip {
  /// Rows of a strip: those of a row of MCUs in 4:2:0.
  static let rows = 16
}
