/// Takes the rows of the small image while they are made, on the thread that makes them.
protocol RowSink: AnyObject {
  /// Takes some of the rows that are done.
  ///
  /// - Returns: False when there is nothing to do yet.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  func takeRows(of planes: [any GrowingPlane]) throws(PreparationError) -> Bool

  /// Takes what is left, once every row is done.
  ///
  /// - Returns: The encoded file; nil where the image has to be finished or encoded as a whole.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  func finish(_ planes: [any GrowingPlane]) throws(PreparationError) -> [UInt8]?
}

/// Leaves the rows where they are, for an image that is finished or encoded as a whole.
final class WholeImage: RowSink {
  func takeRows(of planes: [any GrowingPlane]) -> Bool { false }
  func finish(_ planes: [any GrowingPlane]) -> [UInt8]? { nil }
}
