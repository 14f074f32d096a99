internal import ImagePreparation

extension Img2ImgOrder {
  /// An image of an order that is prepared and uploaded.
  enum PreparedPart {
    /// The image to start from. With the endpoint `controlnet` it is the image that controls, and is prepared no other way.
    case source
    /// The mask or the image that controls, which lies on the source.
    case second(SecondImage, on: GeometryRecord)
  }

  /// The recipe of an image that is sent. It is decided here alone.
  func recipe(for part: PreparedPart) -> Recipe {
    switch part {
    case .source:
      switch source {
      case .image: recipe.sent
      // Nothing is prepared of what the service fetches itself.
      case .remote: references.isEmpty ? Recipe() : recipe.sent
      }
    case .second(.mask, let geometry): .mask(matching: geometry, failOn: recipe.failOn)
    case .second(.control, let geometry): recipe.sent.matching(geometry)
    }
  }
}
