/// Prepares images: the entry point of the library.
public struct ImagePreparer: Sendable {
  /// The instruction set the kernels use. All give the same bits.
  public var instructionSet: InstructionSet { kernels.instructionSet }

  /// The kernels of that set.
  let kernels: KernelTable

  /// Makes a preparer.
  ///
  /// - Precondition: `instructionSet` is one of ``InstructionSet/available``.
  public init(instructionSet: InstructionSet = .best) {
    kernels = KernelTable(instructionSet)
  }

  /// Decodes, resizes, turns, converts and encodes one image.
  ///
  /// The call blocks for as long as the work takes (tens to hundreds of milliseconds for large photographs).
  /// - Parameters:
  ///   - source: Where the encoded bytes come from.
  ///   - recipe: What is wanted.
  ///   - cancellation: Raise it from another thread to stop.
  /// - Throws: A ``PreparationError``.
  public func prepare(
    _ source: ImageSource, recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PreparedImage {
    try run(source, recipe, .file, cancellation).image()
  }

  /// Decodes, resizes, turns and converts one image.
  ///
  /// - Returns: Its pixels: gray, gray and alpha, RGB or RGBA. A recipe for JPEG flattens transparency.
  /// - Throws: A ``PreparationError``.
  public func pixels(
    of source: ImageSource, recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    let raster = try run(source, recipe, .pixels, cancellation).finished().pixels
    return PixelImage(size: raster.size, channels: raster.channelCount, samples: raster.bytes)
  }

  /// What ``prepare(_:recipe:cancellation:)`` would do, decided from the headers alone.
  ///
  /// Pixels are read only for ``Recipe/trim`` and ``Gravity/attention``, whose answers are in the plan.
  /// - Returns: What the headers say, and the plan. What only pixels settle stands in the plan as a rule.
  /// - Throws: A ``PreparationError``.
  public func plan(
    of source: ImageSource, recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> (source: ImageDescription, plan: PreparationPlan) {
    try run(source, recipe, .file, cancellation).planned()
  }

  private func run(
    _ source: ImageSource, _ recipe: Recipe, _ product: OutputPlan.Product, _ cancellation: CancellationFlag?
  ) -> PreparationRun {
    PreparationRun(
      RepeatableSource(source), recipe: recipe, product: product, kernels: kernels, cancellation: cancellation)
  }

  /// Encodes pixels as PNG, tagged sRGB.
  ///
  /// The pixels come back exactly; opaque alpha is dropped, and what has few colors or no hue is stored as such.
  /// - Parameters:
  ///   - image: What is encoded.
  ///   - compression: Time against size.
  ///   - threads: Threads to use, up to 2. The bytes do not depend on them.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  public func encodePNG(
    _ image: PixelImage<UInt8>, compression: Recipe.Compression = .balanced, threads: Int = 1
  ) throws(PreparationError) -> [UInt8] {
    try PNGEncoder(compression: compression, kernels: kernels.png, threads: threads)
      .encode(Raster(image), color: .srgb)
  }

  /// Encodes pixels as JPEG.
  ///
  /// - Precondition: The image has no alpha channel, and `quality` is 1 to 100.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  public func encodeJPEG(
    _ image: PixelImage<UInt8>, quality: Int = 92, subsampling: Recipe.Subsampling = .yuv420
  ) throws(PreparationError) -> [UInt8] {
    precondition(!image.hasAlpha, "a JPEG has no transparency: flatten it first")
    return try Raster(image).encodedJPEG(JPEGEncoding(quality: Double(quality), subsampling: subsampling))
  }
}
