extension GeometryRecord {
  /// Where a point of the result lies in the upright source.
  ///
  /// Points are in pixels from the top left corner: the center of the first pixel is (0.5, 0.5).
  /// - Returns: nil where the result shows padding.
  public func sourcePoint(x: Double, y: Double) -> (x: Double, y: Double)? {
    let (left, top) = (x - Double(contentX), y - Double(contentY))
    let (width, height) = (Double(content.width), Double(content.height))
    guard (0...width).contains(left), (0...height).contains(top) else { return nil }
    return (crop.x + left * crop.width / width, crop.y + top * crop.height / height)
  }

  /// Where a point of the upright source lies in the result: the inverse of ``sourcePoint(x:y:)``.
  ///
  /// - Returns: nil for what was cropped away.
  public func resultPoint(x: Double, y: Double) -> (x: Double, y: Double)? {
    let (left, top) = (x - crop.x, y - crop.y)
    guard (0...crop.width).contains(left), (0...crop.height).contains(top) else { return nil }
    return (
      Double(contentX) + left * Double(content.width) / crop.width,
      Double(contentY) + top * Double(content.height) / crop.height
    )
  }

  /// Where a point of the upright source lies among the stored rows, before orientation was applied.
  public func storedPoint(x: Double, y: Double) -> (x: Double, y: Double) {
    let stored = orientation.swapsSides ? source.transposed : source
    let point = orientation.storedRect(SourceRect(x: x, y: y, width: 0, height: 0), stored: stored)
    return (point.x, point.y)
  }

  /// Refuses a record that no preparation makes.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func check() throws(PreparationError) {
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

/// The object `geometry` of `gesso prepare --json` and of the records beside results.
extension GeometryRecord: Codable {
  private enum Key: String, CodingKey { case source, orientation, crop, content, canvas }
  private enum Side: String, CodingKey { case x, y, width, height }

  /// Reads a record.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    func size(_ key: Key) throws -> ImageSize {
      let sides = try values.nestedContainer(keyedBy: Side.self, forKey: key)
      return ImageSize(
        width: try sides.decode(Int.self, forKey: .width), height: try sides.decode(Int.self, forKey: .height))
    }
    let orientation = try values.decode(Int.self, forKey: .orientation)
    guard let orientation = Orientation(rawValue: orientation) else {
      throw DecodingError.dataCorruptedError(
        forKey: .orientation, in: values, debugDescription: "an orientation is 1 to 8, not \(orientation)")
    }
    let edges = try values.nestedContainer(keyedBy: Side.self, forKey: .crop)
    let place = try values.nestedContainer(keyedBy: Side.self, forKey: .content)
    self.init(
      source: try size(.source), orientation: orientation,
      crop: SourceRect(
        x: try edges.decode(Double.self, forKey: .x), y: try edges.decode(Double.self, forKey: .y),
        width: try edges.decode(Double.self, forKey: .width), height: try edges.decode(Double.self, forKey: .height)),
      content: try size(.content), contentX: try place.decode(Int.self, forKey: .x),
      contentY: try place.decode(Int.self, forKey: .y), canvas: try size(.canvas))
  }

  /// Writes a record.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    func encode(_ size: ImageSize, _ key: Key, _ origin: (x: Int, y: Int)? = nil) throws {
      var sides = values.nestedContainer(keyedBy: Side.self, forKey: key)
      if let origin {
        try sides.encode(origin.x, forKey: .x)
        try sides.encode(origin.y, forKey: .y)
      }
      try sides.encode(size.width, forKey: .width)
      try sides.encode(size.height, forKey: .height)
    }
    try encode(source, .source)
    try values.encode(orientation.rawValue, forKey: .orientation)
    var edges = values.nestedContainer(keyedBy: Side.self, forKey: .crop)
    try edges.encode(crop.x, forKey: .x)
    try edges.encode(crop.y, forKey: .y)
    try edges.encode(crop.width, forKey: .width)
    try edges.encode(crop.height, forKey: .height)
    try encode(content, .content, (contentX, contentY))
    try encode(canvas, .canvas)
  }
}
