/// Prepares images: the entry point of the library.
///
/// Every method is `async`, works outside of the cooperative pool, and throws `CancellationError` when its task is canceled. The
/// method of the same name with `Blocking` works on the calling thread.
public struct ImagePreparer: Sendable {
  /// The limits of one image.
  public var limits: Limits

  /// The instruction set of the kernels. All instruction sets give the same bits.
  public var instructionSet: InstructionSet { kernels.instructionSet }

  /// The processes that decode in place of this one; nil to decode in this one.
  package var isolation: Isolation?

  /// The kernels of this instruction set.
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
  ///   - source: The encoded bytes.
  ///   - recipe: How the image is prepared.
  ///   - tensor: The format of a tensor that is also made of the prepared pixels, with all bits of the source, before they are
  ///     encoded; nil for none. Transparency is flattened on ``Recipe/background`` for the tensor, or on white. Alpha of data without a
  ///     background is left out.
  /// - Returns: The encoded image and its records.
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
  ///   - source: The encoded bytes.
  ///   - recipe: How the image is prepared. A recipe for JPEG flattens transparency.
  /// - Returns: Pixels of gray, gray and alpha, RGB or RGBA.
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
  ///   - source: The encoded bytes.
  ///   - recipe: How the image is prepared. Transparency is flattened on its background, or on white. Alpha of data without a
  ///     background is left out.
  ///   - format: The order of the axes and the scale of the values.
  /// - Returns: A tensor of one image and three channels.
  /// - Throws: A ``PreparationError``, or `CancellationError`.
  @concurrent public func tensor(
    of source: ImageSource, as recipe: Recipe = Recipe(), _ format: TensorFormat = TensorFormat()
  ) async throws -> Tensor {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try tensorBlocking(of: source, as: recipe, format, cancellation: flag)
    }
  }

  /// Makes the plan of ``prepare(_:as:tensor:)`` from the headers alone.
  ///
  /// Pixels are read only for ``Recipe/Fitting/trim`` and ``Gravity/attention``, whose outcomes are in the plan.
  ///
  /// - Returns: The content of the headers, and the plan. If a decision needs other pixels, the plan contains the rule by which it is made
  ///   later.
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
  /// Metadata are read before the first scan of a JPEG, and before and after the image data of a PNG, where ExifTool writes them. In a
  /// pipe, only metadata before the image data are read.
  ///
  /// - Parameter source: A path, a descriptor or bytes. The number of pixels is not limited, because none is read.
  /// - Returns: The content of the headers.
  /// - Throws: `CancellationError`, or a ``PreparationError`` of stage `open` (`notFound`, `unreadable`, `empty`, `notAnImage`,
  ///   `unsupportedFormat`) or `decode` (`truncated` or `corrupt` headers, `unsupportedFeature`, `limitExceeded`).
  @concurrent public func inspect(_ source: ImageSource) async throws -> ImageDescription {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try inspectBlocking(source, cancellation: flag)
    }
  }

  /// Puts an image that was made from a prepared one back on the canvas of the source, transparent where the source was cropped.
  ///
  /// - Parameters:
  ///   - result: The image. It covers the whole canvas of the prepared image, also when it has another size.
  ///   - record: The geometry record of the preparation.
  ///   - profile: The handling of an embedded color profile of the image.
  ///   - resamplingFilter: The resampling filter.
  ///   - stretching: False to refuse an image of another shape than the prepared one.
  /// - Returns: RGBA pixels of the upright source's size. A pixel is filled where its center lies in the part that was kept.
  /// - Throws: `CancellationError`, or a ``PreparationError``; `invalidRecipe` for a record that contradicts itself, or for
  ///   an image that would be stretched.
  @concurrent public func restore(
    _ result: ImageSource, onto record: GeometryRecord, profile: Recipe.ProfileHandling = .convert,
    resamplingFilter: ResamplingFilter = .lanczos3, stretching: Bool = false
  ) async throws -> PixelImage<UInt8> {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try restoreBlocking(
        result, onto: record, profile: profile, resamplingFilter: resamplingFilter, stretching: stretching,
        cancellation: flag)
    }
  }

  /// Encodes pixels as PNG, tagged sRGB.
  ///
  /// Decoding gives the same pixels. Opaque alpha is left out, and an image with few colors or no hue is stored in fewer bits.
  ///
  /// - Parameters:
  ///   - image: The pixels.
  ///   - compression: The balance of time and size.
  /// - Returns: The file.
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
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try encodeJPEGBlocking(image, quality: quality, subsampling: subsampling, cancellation: flag)
    }
  }
}
