extension GeometryRecord {
  /// Maps a point of the result to the upright source.
  ///
  /// Points are in pixels from the top left corner: the center of the first pixel is (0.5, 0.5).
  ///
  /// - Returns: The point; nil if the result shows padding.
  public func sourcePoint(x: Double, y: Double) -> (x: Double, y: Double)? {
    let (left, top) = (x - Double(contentX), y - Double(contentY))
    let (width, height) = (Double(content.width), Double(content.height))
    guard (0...width).contains(left), (0...height).contains(top) else { return nil }
    return (crop.x + left * crop.width / width, crop.y + top * crop.height / height)
  }

  /// Maps a point of the upright source to the result: the inverse of ``sourcePoint(x:y:)``.
  ///
  /// - Returns: The point; nil for a point that was cropped.
  public func resultPoint(x: Double, y: Double) -> (x: Double, y: Double)? {
    let (left, top) = (x - crop.x, y - crop.y)
    guard (0...crop.width).contains(left), (0...crop.height).contains(top) else { return nil }
    return (
      Double(contentX) + left * Double(content.width) / crop.width,
      Double(contentY) + top * Double(content.height) / crop.height
    )
  }

  /// Maps a point of the upright source to the stored rows, before orientation was applied.
  public func storedPoint(x: Double, y: Double) -> (x: Double, y: Double) {
    let stored = orientation.swapsSides ? source.transposed : source
    let point = orientation.storedRect(SourceRect(x: x, y: y, width: 0, height: 0), stored: stored)
    return (point.x, point.y)
  }

  /// Refuses a record that no preparation makes.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  package func check() throws(PreparationError) {
    let sides = [source, content, canvas].flatMap { [$0.width, $0.height] }
    let edges = [crop.x, crop.y, crop.width, crop.height]
    let fits =
      sides.allSatisfy { (1...1_000_000).contains($0) } && edges.allSatisfy { $0.isFinite && $0 >= 0 }
      && crop.width > 0 && crop.height > 0 && crop.x + crop.width <= Double(source.width) + 1e-6
      && crop.y + crop.height <= Double(source.height) + 1e-6 && (0...canvas.width).contains(contentX)
      && (0...canvas.height).contains(contentY) && contentX + content.width <= canvas.width
      && contentY + content.height <= canvas.height
    guard !fits else { return }
    throw PreparationError(
      .invalidRecipe, stage: .resize, "the geometry record contradicts itself",
      remedy: "use a record that was written beside a result")
  }
}
