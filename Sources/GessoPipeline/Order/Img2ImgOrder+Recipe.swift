internal import ImagePreparation

extension Img2ImgOrder {
  /// An image of an order that is prepared and uploaded.
  enum PreparedPart {
    /// The image to start from. For the endpoint `controlnet`, this is the control image, which is prepared in the same way.
    case source
    /// The mask or control image, which covers the source pixel by pixel.
    case second(SecondImage, on: GeometryRecord)
  }

  /// The recipe of an uploaded image. This is the only place that decides it.
  func recipe(for part: PreparedPart) -> Recipe {
    switch part {
    case .source:
      switch source {
      case .image: recipe.sent
      // An image that the service fetches itself is not prepared.
      case .remote: references.isEmpty ? Recipe() : recipe.sent
      }
    case .second(.mask, let geometry): .mask(matching: geometry, failOn: recipe.failOn)
    case .second(.control, let geometry): recipe.sent.matching(geometry)
    }
  }
}
