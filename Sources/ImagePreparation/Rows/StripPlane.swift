/// The rows of one plane as a decoder delivers them.
struct StripPlane: Sendable, Equatable {
  /// What a row holds.
  var layout: RowLayout
  /// Rows of the whole plane.
  var height: Int
  /// Rows of a strip, except in the last one.
  var stripRows: Int
  /// Bytes that are written to a row: at least the layout's.
  var rowBytes: Int

  /// Rows of the first `strips` strips.
  func rows(inStrips strips: Int) -> Int { min(strips * stripRows, height) }
}

/// Strips of interleaved rows.
enum RowStrip {
  /// Rows of a strip: one row of MCUs of the usual 4:2:0.
  static let rows = 16
}
