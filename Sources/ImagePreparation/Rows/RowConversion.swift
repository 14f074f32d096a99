/// A conversion of colors, pixel by pixel.
protocol RowConversion: Sendable {
  /// Converts pixels in place.
  ///
  /// - Precondition: `row` has `pixels` pixels of the layout that the conversion was made for.
  func convertInPlace(_ row: UnsafeMutableRawPointer, pixels: Int)
}
