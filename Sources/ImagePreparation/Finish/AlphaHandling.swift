/// The handling of an alpha channel.
enum AlphaHandling: Sendable, Equatable {
  /// Alpha is kept.
  case keep
  /// The color is composited over a background, in linear light or not.
  case flatten(BackgroundColor, linear: Bool)
  /// Alpha is left out, and the other channels are not changed.
  case drop
}

extension Raster {
  /// The image with its alpha channel handled, if it has one.
  func handlingAlpha(_ handling: AlphaHandling) -> Raster {
    switch handling {
    case .keep: self
    case .flatten(let background, let linear): flattened(on: background, linear: linear)
    case .drop: withoutAlpha()
    }
  }
}
