/// Prepares images: the entry point of the library.
///
/// Every verb is `async`, works off the cooperative pool, and throws `CancellationError` when its task is canceled; the one whose name
/// ends in `Blocking` does the same on the calling thread.
public struct ImagePreparer: Sendable {
  /// How much one image may take.
  public var limits: Limits

  /// The instruction set the kernels use. All give the same bits.
  public var instructionSet: InstructionSet { kernels.instructionSet }

  /// The kernels of that set.
  let kernels: KernelTable

  /// Makes a preparer.
  ///
  /// - Precondition: `instructionSet` is one of ``InstructionSet/available``.
  public init(instructionSet: InstructionSet = .best, limits: Limits = Limits()) {
    kernels = KernelTable(instructionSet)
    self.limits = limits
  }

  /// Decodes, resizes, turns, converts and encodes one image.
  ///
  /// - Parameters:
  ///   - source: Where the encoded bytes come from.
  ///   - recipe: What is wanted.
  ///   - tensor: Also makes a tensor of the prepared pixels (8 bits), before they are encoded; nil for none. Transparency is flattened
  ///     on ``Recipe/background`` for it, or on white; of data without a background it is left out.
  /// - Throws: A ``PreparationError``, or `CancellationError`.
  @concurrent public func prepare(
    _ source: ImageSource, as recipe: Recipe = Recipe(), tensor: TensorFormat? = nil
  ) async throws -> PreparedImage {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try prepareBlocking(source, as: recipe, tensor: tensor, cancellation: flag)
    }
  }

  /// Decodes, resizes, turns and converts one image.
  ///
  /// - Parameters:
  ///   - source: Where the encoded bytes come from.
  ///   - recipe: What is wanted. One for JPEG flattens transparency.
  /// - Returns: Its pixels: gray, gray and alpha, RGB or RGBA.
  /// - Throws: A ``PreparationError``, or `CancellationError`.
  @concurrent public func pixels(
    of source: ImageSource, as recipe: Recipe = Recipe()
  ) async throws -> PixelImage<UInt8> {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try pixelsBlocking(of: source, as: recipe, cancellation: flag)
    }
  }

  /// Decodes, resizes, turns and converts one image for a network.
  ///
  /// - Parameters:
  ///   - source: Where the encoded bytes come from.
  ///   - recipe: What is wanted. Transparency is flattened on its background, or on white; of data without a background it is left out.
  ///   - format: The order of the axes and what values mean.
  /// - Throws: A ``PreparationError``, or `CancellationError`.
  @concurrent public func tensor(
    of source: ImageSource, as recipe: Recipe = Recipe(), _ format: TensorFormat = TensorFormat()
  ) async throws -> Tensor {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try tensorBlocking(of: source, as: recipe, format, cancellation: flag)
    }
  }

  /// What ``prepare(_:as:tensor:)`` would do, decided from the headers alone.
  ///
  /// Pixels are read only for ``Recipe/Fitting/trim`` and ``Gravity/attention``, whose answers are in the plan.
  /// - Returns: What the headers say, and the plan. What only pixels settle stands in the plan as a rule.
  /// - Throws: A ``PreparationError``, or `CancellationError`.
  @concurrent public func plan(
    of source: ImageSource, as recipe: Recipe = Recipe(), tensor: TensorFormat? = nil
  ) async throws -> (source: ImageDescription, plan: PreparationPlan) {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try planBlocking(of: source, as: recipe, tensor: tensor, cancellation: flag)
    }
  }

  /// Reads the headers of an image, and decodes nothing.
  ///
  /// Metadata are found in a JPEG before the first scan, and in a PNG before and after the image data, where ExifTool writes them. In a
  /// pipe, only those before the image data are found.
  /// - Parameter source: A path, a descriptor or bytes, of any number of pixels, since none is read.
  /// - Throws: `CancellationError`, or a ``PreparationError`` of stage `open` (`notFound`, `unreadable`, `empty`, `notAnImage`,
  ///   `unsupportedFormat`) or `decode` (`truncated` or `corrupt` headers, `unsupportedFeature`, `limitExceeded`).
  @concurrent public func inspect(_ source: ImageSource) async throws -> ImageDescription {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try inspectBlocking(source, cancellation: flag)
    }
  }

  /// Puts an image that was made of a prepared one back on the canvas of the source: transparent where the source was
  /// cropped away.
  ///
  /// - Parameters:
  ///   - result: The image. It may have another size than the prepared one; it is taken as the whole of its canvas.
  ///   - record: The record of the preparation.
  ///   - profile: What happens to an embedded color profile of the image.
  ///   - resamplingFilter: The resampling filter.
  /// - Returns: RGBA pixels of the upright source's size. A pixel is filled where its center lies in the part that was kept.
  /// - Throws: `CancellationError`, or a ``PreparationError``; `invalidRecipe` for a record that contradicts itself.
  @concurrent public func restore(
    _ result: ImageSource, onto record: GeometryRecord, profile: Recipe.ProfileHandling = .convert,
    resamplingFilter: ResamplingFilter = .lanczos3
  ) async throws -> PixelImage<UInt8> {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try restoreBlocking(
        result, onto: record, profile: profile, resamplingFilter: resamplingFilter, cancellation: flag)
    }
  }

  /// Encodes pixels as PNG, tagged sRGB.
  ///
  /// The pixels come back exactly; opaque alpha is dropped, and what has few colors or no hue is stored as such.
  /// - Parameters:
  ///   - image: What is encoded.
  ///   - compression: Time against size.
  /// - Throws: A ``PreparationError`` of stage `encode`, or `CancellationError`.
  @concurrent public func encodePNG(
    _ image: PixelImage<UInt8>, compression: Recipe.Compression = .balanced
  ) async throws -> [UInt8] {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try encodePNGBlocking(image, compression: compression, threads: limits.threads, cancellation: flag)
    }
  }

  /// Encodes pixels as JPEG.
  ///
  /// - Precondition: The image has no alpha channel, and `quality` is 1 to 100.
  /// - Throws: A ``PreparationError`` of stage `encode`, or `CancellationError`.
  @concurrent public func encodeJPEG(
    _ image: PixelImage<UInt8>, quality: Int = 92, subsampling: Recipe.Subsampling = .yuv420
  ) async throws -> [UInt8] {
    try await BlockingCall.run { [self] _ throws(PreparationError) in
      try encodeJPEGBlocking(image, quality: quality, subsampling: subsampling)
    }
  }
}
