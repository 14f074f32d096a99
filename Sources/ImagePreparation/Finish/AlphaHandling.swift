/// What becomes of an alpha channel.
enum AlphaHandling: Sendable, Equatable {
  /// It stays.
  case keep
  /// The color is mixed with a background's, in linear light or not.
  case flatten(BackgroundColor, linear: Bool)
  /// It is left out, and the other channels stay as they are.
  case drop
}

extension Raster {
  /// The image with its alpha channel, if it has one, handled.
  func handlingAlpha(_ handling: AlphaHandling) -> Raster {
    switch handling {
    case .keep: self
    case .flatten(let background, let linear): flattened(on: background, linear: linear)
    case .drop: withoutAlpha()
    }
  }
}
