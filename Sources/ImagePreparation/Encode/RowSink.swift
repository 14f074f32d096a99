/// Receives the rows of the small image while they are made, on the thread that makes them.
protocol RowSink: AnyObject {
  /// True if ``finish(_:)`` shares its work between two threads.
  var finishesOnTwoThreads: Bool { get }

  /// Processes some of the rows that are done.
  ///
  /// - Returns: False when there is nothing to do yet.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  func takeRows(of planes: [any GrowingPlane]) throws(PreparationError) -> Bool

  /// Processes the remaining rows, once every row is done.
  ///
  /// - Returns: The encoded file; nil if the image has to be finished or encoded as a whole.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  func finish(_ planes: [any GrowingPlane]) throws(PreparationError) -> [UInt8]?
}

extension RowSink {
  var finishesOnTwoThreads: Bool { false }
}

/// A sink that does nothing, for an image that is finished or encoded as a whole.
final class WholeImage: RowSink {
  func takeRows(of planes: [any GrowingPlane]) -> Bool { false }
  func finish(_ planes: [any GrowingPlane]) -> [UInt8]? { nil }
}
