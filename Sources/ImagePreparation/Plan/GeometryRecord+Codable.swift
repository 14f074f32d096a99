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
    // Equal numbers are written alike: adding zero makes a negative one positive.
    try edges.encode(crop.x + 0, forKey: .x)
    try edges.encode(crop.y + 0, forKey: .y)
    try edges.encode(crop.width, forKey: .width)
    try edges.encode(crop.height, forKey: .height)
    try encode(content, .content, (contentX, contentY))
    try encode(canvas, .canvas)
  }
}
