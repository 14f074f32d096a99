/// A conversion of colors, pixel by pixel.
protocol RowConversion: Sendable {
  /// Converts pixels where they are.
  ///
  /// - Precondition: `row` has `pixels` pixels of the layout that the conversion was made for.
  func convertInPlace(_ row: UnsafeMutableRawPointer, pixels: Int)
}
