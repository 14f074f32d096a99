/// The methods that block the calling thread until the work is done: tens to hundreds of milliseconds for large photographs. In
/// asynchronous code, call the methods without `Blocking`.
extension ImagePreparer {
  /// Does the work of ``prepare(_:as:tensor:)`` on the calling thread. Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: The encoded image and its records.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func prepareBlocking(
    _ source: ImageSource, as recipe: Recipe = Recipe(), tensor: TensorFormat? = nil,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PreparedImage {
    var source = source
    if let result = try isolated(.image(recipe, tensor), &source, cancellation) {
      return try result.image(limits, tensor: tensor)
    }
    return try withinTime(cancellation) { [source] flag throws(PreparationError) in
      try run(source, recipe, .file(tensor: tensor), flag).image()
    }
  }

  /// Does the work of ``pixels(of:as:)`` on the calling thread. Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: Pixels of gray, gray and alpha, RGB or RGBA.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func pixelsBlocking(
    of source: ImageSource, as recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    var source = source
    if let result = try isolated(.pixels(recipe), &source, cancellation) { return try result.pixels() }
    let raster = try withinTime(cancellation) { [source] flag throws(PreparationError) in
      try run(source, recipe, .pixels, flag).finished().pixels
    }
    return PixelImage(size: raster.size, channels: raster.channelCount, samples: raster.bytes)
  }

  /// Does the work of ``tensor(of:as:_:)`` on the calling thread. Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: A tensor of one image and three channels.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func tensorBlocking(
    of source: ImageSource, as recipe: Recipe = Recipe(), _ format: TensorFormat = TensorFormat(),
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> Tensor {
    var source = source
    if let result = try isolated(.tensor(recipe, format), &source, cancellation) { return try result.tensor(format) }
    // A run for a tensor always makes one.
    return try withinTime(cancellation) { [source] flag throws(PreparationError) in
      try run(source, recipe, .tensor(format), flag).finished().tensor!
    }
  }

  /// Does the work of ``plan(of:as:tensor:)`` on the calling thread. Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: The content of the headers, and the plan.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func planBlocking(
    of source: ImageSource, as recipe: Recipe = Recipe(), tensor: TensorFormat? = nil,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> (source: ImageDescription, plan: PreparationPlan) {
    var source = source
    if let result = try isolated(.plan(recipe, tensor), &source, cancellation) {
      return (try result.description(), try result.plan(limits))
    }
    return try withinTime(cancellation) { [source] flag throws(PreparationError) in
      try run(source, recipe, .file(tensor: tensor), flag).planned()
    }
  }

  /// Does the work of ``inspect(_:)`` on the calling thread. Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: The content of the headers.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func inspectBlocking(
    _ source: ImageSource, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> ImageDescription {
    var source = source
    if let result = try isolated(.description, &source, cancellation) { return try result.description() }
    var limits = limits
    (limits.maxPixels, limits.maxPixelsPerByte) = (.max, .max)
    return try withinTime(cancellation) { [limits, source] flag throws(PreparationError) in
      try SourceDecoder(opening: source, limits: limits, cancellation: flag).description
    }
  }

  /// Does the work of ``encodePNG(_:compression:)`` on the calling thread.
  ///
  /// - Parameters:
  ///   - image: The pixels.
  ///   - compression: The balance of time and size.
  ///   - threads: The threads to use, 1 or 2. The bytes do not depend on them.
  ///   - cancellation: Another thread can raise it to stop the work.
  /// - Returns: The file.
  /// - Throws: A ``PreparationError`` of stage `encode`; `canceled` once the flag is raised.
  public func encodePNGBlocking(
    _ image: PixelImage<UInt8>, compression: Recipe.Compression = .balanced, threads: Int = 1,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> [UInt8] {
    try PNGEncoder(compression: compression, kernels: kernels, threads: threads, cancellation: cancellation)
      .encode(Raster(image), color: .srgb)
  }

  /// Does the work of ``encodeJPEG(_:quality:subsampling:)`` on the calling thread.
  ///
  /// - Precondition: The image has no alpha channel, and `quality` is 1 to 100.
  /// - Throws: A ``PreparationError`` of stage `encode`; `canceled` once the flag is raised.
  public func encodeJPEGBlocking(
    _ image: PixelImage<UInt8>, quality: Int = 92, subsampling: Recipe.Subsampling = .yuv420,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> [UInt8] {
    precondition(!image.hasAlpha, "a JPEG has no transparency: flatten it first")
    return try Raster(image).encodedJPEG(
      JPEGEncoding(quality: Double(quality), subsampling: subsampling), cancellation: cancellation)
  }

  /// Runs work with a flag that is raised when `cancellation` is raised, and when the time of the limits has passed.
  ///
  /// - Throws: The error of the work; `limitExceeded` in place of `canceled` if it took too long.
  func withinTime<Result>(
    _ cancellation: CancellationFlag?, _ work: (CancellationFlag?) throws(PreparationError) -> Result
  ) throws(PreparationError) -> Result {
    guard limits.maxSeconds < .max else { return try work(cancellation) }
    let flag = CancellationFlag(following: cancellation, seconds: limits.maxSeconds)
    do throws(PreparationError) {
      return try work(flag)
    } catch {
      guard error.code == .canceled, flag.isLate else { throw error }
      throw PreparationError(
        .limitExceeded, stage: error.stage, "it took longer than the limit of \(limits.maxSeconds) s",
        remedy: .raise(.seconds))
    }
  }

  private func run(
    _ source: ImageSource, _ recipe: Recipe, _ product: OutputPlan.Product, _ cancellation: CancellationFlag?
  ) -> PreparationRun {
    PreparationRun(
      source, recipe: recipe, product: product, limits: limits, kernels: kernels,
      cancellation: cancellation)
  }
}
