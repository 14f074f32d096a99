/// A sink of pixel rows: one encoder, made for one image, fed from top to bottom.
protocol RowEncoder: ~Copyable {
  /// Encodes `count` rows that lie `stride` bytes apart from `base`.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`.
  mutating func writeRows(from base: UnsafeRawPointer, stride: Int, count: Int) throws(PreparationError)

  /// Ends the image and gives all encoded bytes.
  mutating func finish() throws(PreparationError) -> [UInt8]
}
