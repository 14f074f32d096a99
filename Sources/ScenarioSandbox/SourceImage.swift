internal import ImagePreparation

/// The sandbox's use of `ImagePreparation`.
struct SourceImage: Sendable {
  /// The way in which a source whose aspect differs from the request's width and height fills them. ASSUMED: the service may crop or pad
  /// instead.
  static let fit = Recipe.Fit.stretch

  /// Largest source in pixels (ASSUMED: the service documents none).
  static let maxPixels = 100_000_000

  /// The kinds that the service takes and that can be read here.
  private static let accepted: Set<ImageDescription.Format> = [.jpeg, .png, .gif, .webp, .tiff, .heic, .avif]

  private let preparer: ImagePreparer

  /// Makes a value. `decodeHelper` is the path of `gesso-decode`, which HEIC and AVIF need; nil if there is none.
  init(decodeHelper: String? = nil) {
    preparer = ImagePreparer(limits: Limits(maxPixels: Self.maxPixels, decodeHelper: decodeHelper))
  }

  /// Format and upright size, from an encoded image's headers.
  func describe(_ bytes: [UInt8]) throws(PreparationError) -> ImageDescription {
    let description = try preparer.inspectBlocking(.memory(bytes))
    guard Self.accepted.contains(description.format) else {
      throw PreparationError(
        .unsupportedFormat, stage: .open, "the service takes no \(description.format.name)", remedy: "send another kind"
      )
    }
    try preparer.limits.check(description.storedSize)
    return description
  }

  /// Decodes an image to exactly this size: upright, sRGB, on white.
  func decode(_ bytes: [UInt8], size: ImageSize) throws(PreparationError) -> PixelImage<UInt8> {
    let recipe = Recipe(size: .box(size.width, size.height, Self.fit, enlarge: true), background: .white)
    return try preparer.pixelsBlocking(of: .memory(bytes), as: recipe)
  }

  /// The image in another format, upright, its size kept.
  func encode(_ bytes: [UInt8], as output: Recipe.Output) throws(PreparationError) -> [UInt8] {
    try preparer.prepareBlocking(.memory(bytes), as: Recipe(size: .original, output: output)).bytes
  }
}
