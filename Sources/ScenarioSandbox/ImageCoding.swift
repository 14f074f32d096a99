#if Client
internal import ImagePreparation

/// The image work the sandbox asks of `ImagePreparation`, as three functions so that tests may put others in their place.
struct ImageCoding: Sendable {
  /// Reads format and upright size from an encoded image's headers.
  var describe: @Sendable ([UInt8]) throws(PreparationError) -> (format: ImageDescription.Format, size: ImageSize)
  /// Decodes an image to exactly this size: upright, sRGB, without transparency, gray or RGB.
  var decode: @Sendable ([UInt8], ImageSize) throws(PreparationError) -> PixelImage<UInt8>
  /// Encodes pixels as PNG.
  var encodePNG: @Sendable (PixelImage<UInt8>) throws(PreparationError) -> [UInt8]
}

extension ImageCoding {
  /// How a source whose aspect differs from the request's width and height fills them. ASSUMED: the service may crop or
  /// pad instead.
  static let fit = Recipe.Fit.stretch

  /// Largest source in pixels (ASSUMED: the service documents none).
  static let maxSourcePixels = 100_000_000

  /// The library's own.
  static let library = ImageCoding(
    describe: { (bytes: [UInt8]) throws(PreparationError) in
      // Until headers can be read without pixels.
      throw PreparationError(.unsupportedFeature, stage: .open, "reading headers is being written", remedy: "")
    },
    decode: { (bytes: [UInt8], size: ImageSize) throws(PreparationError) in
      var recipe = Recipe()
      recipe.box = size
      recipe.fit = fit
      recipe.enlarge = true
      recipe.background = .white
      recipe.maxInputPixels = maxSourcePixels
      return try ImagePreparer().pixels(of: .memory(bytes), recipe: recipe)
    },
    encodePNG: { (image: PixelImage<UInt8>) throws(PreparationError) in
      try ImagePreparer().encodePNG(image, compression: .fast)
    })
}
#endif
