extension ImagePreparer {
  /// Puts an image that was made from a prepared one onto the source.
  ///
  /// - Parameters:
  ///   - result: The image. It covers the whole canvas of the prepared image, also when it has another size.
  ///   - source: The source that `record` is of. A pipe is refused, because it is read twice.
  ///   - record: The geometry record of the preparation.
  ///   - feather: Pixels over which the image fades into the source at each of its edges that is not the source's edge; 0 for none.
  ///   - stretching: False to refuse an image of another shape than the prepared one.
  /// - Returns: Pixels of the upright source's size in sRGB: RGBA if the source has alpha, otherwise RGB.
  /// - Throws: `CancellationError`, or a ``PreparationError``; `invalidRecipe` for a source of another size than the record's, and
  ///   as ``restore(_:onto:profile:resamplingFilter:stretching:)`` does.
  @concurrent public func composite(
    _ result: ImageSource, onto source: ImageSource, by record: GeometryRecord, feather: Int = 0,
    stretching: Bool = false
  ) async throws -> PixelImage<UInt8> {
    try await BlockingCall.run { [self] flag throws(PreparationError) in
      try compositeBlocking(
        result, onto: source, by: record, feather: feather, stretching: stretching, cancellation: flag)
    }
  }

  /// Does the work of ``composite(_:onto:by:feather:stretching:)`` on the calling thread.
  /// Another thread can raise `cancellation` to stop the work.
  ///
  /// - Precondition: `feather` is 0 or more.
  /// - Returns: Pixels of the upright source's size.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func compositeBlocking(
    _ result: ImageSource, onto source: ImageSource, by record: GeometryRecord, feather: Int = 0,
    stretching: Bool = false, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    precondition(feather >= 0, "a width of pixels")
    try source.checkIsReadAgain(for: "compositing")
    let size = try inspectBlocking(source, cancellation: cancellation).size
    guard size == record.source else {
      throw PreparationError(
        .invalidRecipe, stage: .open, "the source has \(size) pixels, and the record is of one of \(record.source)",
        remedy: "give the source that the result was made from")
    }
    let top = try restoreBlocking(result, onto: record, stretching: stretching, cancellation: cancellation)
    let pixels = try pixelsBlocking(of: source, as: Recipe(size: .original), cancellation: cancellation)
    var canvas = try Raster(pixels).expandedToRGBA(cancellation)
    let area = Self.filledArea(of: record)
    try Overlay(size: size, area: area, feather: feather).put(top.samples, onto: &canvas.bytes, cancellation)
    if !pixels.hasAlpha { canvas = try canvas.inBands(cancellation, .resize) { $0.withoutAlpha() } }
    return PixelImage(size: size, channels: canvas.channelCount, samples: canvas.bytes)
  }
}
