/// An encoder of one image, which receives rows from top to bottom.
protocol RowEncoder: ~Copyable {
  /// Encodes `count` rows that lie `stride` bytes apart from `base`.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`.
  mutating func writeRows(from base: UnsafeRawPointer, stride: Int, count: Int) throws(PreparationError)

  /// Ends the image and returns all encoded bytes.
  mutating func finish() throws(PreparationError) -> [UInt8]
}
