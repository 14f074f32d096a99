internal import ImagePreparation

/// The image work the sandbox asks of `ImagePreparation`.
enum SourceImage {
  /// How a source whose aspect differs from the request's width and height fills them. ASSUMED: the service may crop or
  /// pad instead.
  static let fit = Recipe.Fit.stretch

  /// Largest source in pixels (ASSUMED: the service documents none).
  static let maxPixels = 100_000_000

  /// Format and upright size, from an encoded image's headers.
  static func describe(_ bytes: [UInt8]) throws(PreparationError) -> ImageDescription {
    try ImageDescription.read(from: .memory(bytes), maxPixels: maxPixels)
  }

  /// Decodes an image to exactly this size: upright, sRGB, on white.
  static func decode(_ bytes: [UInt8], size: ImageSize) throws(PreparationError) -> PixelImage<UInt8> {
    var recipe = Recipe()
    recipe.box = size
    recipe.fit = fit
    recipe.enlarge = true
    recipe.background = .white
    recipe.maxInputPixels = maxPixels
    return try ImagePreparer().pixels(of: .memory(bytes), recipe: recipe)
  }

  /// The image in another format, upright, its size kept.
  static func encode(_ bytes: [UInt8], format: Recipe.OutputFormat) throws(PreparationError) -> [UInt8] {
    var recipe = Recipe()
    recipe.maxSide = nil
    recipe.format = format
    recipe.maxInputPixels = maxPixels
    return try ImagePreparer().prepare(.memory(bytes), recipe: recipe).bytes
  }
}
