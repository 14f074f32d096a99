package import ImagePreparation

extension GeometryRecord {
  /// The object `geometry` of records and of `prepare`: the upright source is cropped to `crop`, scaled to the width and
  /// height of `content` and placed at its x and y on a canvas.
  package var json: OrderedJSON {
    func size(_ size: ImageSize) -> OrderedJSON {
      .object([("width", .integer(size.width)), ("height", .integer(size.height))])
    }
    return .object([
      ("source", size(source)), ("orientation", .integer(orientation.rawValue)),
      (
        "crop",
        .object([
          ("x", .number(crop.x)), ("y", .number(crop.y)), ("width", .number(crop.width)),
          ("height", .number(crop.height)),
        ])
      ),
      (
        "content",
        .object([
          ("x", .integer(contentX)), ("y", .integer(contentY)), ("width", .integer(content.width)),
          ("height", .integer(content.height)),
        ])
      ),
      ("canvas", size(canvas)),
    ])
  }
}
