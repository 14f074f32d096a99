/// Prepares images: the entry point of the library.
public struct ImagePreparer: Sendable {
  /// The instruction set the kernels use. All give the same bits.
  public let instructionSet: InstructionSet

  /// Makes a preparer.
  ///
  /// - Precondition: `instructionSet` is one of ``InstructionSet/available``.
  public init(instructionSet: InstructionSet = .best) {
    precondition(InstructionSet.available.contains(instructionSet), "\(instructionSet) does not run here")
    self.instructionSet = instructionSet
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
    let source = RepeatableSource(source)
    var pass = try PreparationRun(
      source, recipe: recipe, instructionSet: instructionSet, cancellation: cancellation, wantsPixels: false)
    let image = try pass.encoded()
    guard let maxBytes = recipe.maxBytes, image.bytes.count > maxBytes else { return image }
    return try within(maxBytes, image, pass: &pass, source, recipe: recipe, cancellation: cancellation)
  }

  /// Encodes an image that is too large until it takes no more than `maxBytes`.
  private func within(
    _ maxBytes: Int, _ first: PreparedImage, pass: inout PreparationRun, _ source: RepeatableSource, recipe: Recipe,
    cancellation: CancellationFlag?
  ) throws(PreparationError) -> PreparedImage {
    let isJPEG = pass.mayBeJPEG
    pass.encoding.format = isJPEG ? .jpeg : .png
    var budget = ByteBudget(
      limit: maxBytes, quality: isJPEG ? Double(recipe.quality) : nil, floor: Double(recipe.minQuality),
      mayCompress: recipe.compression != .small, encodes: pass.encodes)
    var image = first
    var best: PreparedImage?
    var smallest = first.bytes.count
    var note = ""
    while let attempt = budget.attempt(after: image.bytes.count) {
      if cancellation?.isCanceled == true { throw .canceled(.encode) }
      switch attempt {
      case .quality(let quality):
        pass.encoding.quality = quality
        note = "JPEG quality was lowered from \(recipe.quality) to \(Int(quality.rounded()))"
      case .smallCompression:
        pass.encoding.compression = .small
        note = "compressed harder"
      case .scale(let share):
        guard let smaller = try smallerPass(pass, share, source, recipe: recipe, cancellation) else {
          throw .overBudget(smallest, maxBytes)
        }
        pass = smaller
        note =
          "made smaller, \(pass.plan.outputSize)\(isJPEG ? " at quality \(Int(pass.encoding.quality.rounded()))" : "")"
      }
      image = try pass.encoded()
      smallest = min(smallest, image.bytes.count)
      if image.bytes.count <= maxBytes, image.bytes.count > best?.bytes.count ?? 0 {
        best = image
        best?.notes.append("\(note), to take no more than \(maxBytes) bytes")
      }
    }
    guard let best else { throw .overBudget(smallest, maxBytes) }
    return best
  }

  /// Prepares the source again with a share of the pixels; nil where the sizes that are asked for allow none smaller.
  private func smallerPass(
    _ pass: PreparationRun, _ share: Double, _ source: RepeatableSource, recipe: Recipe,
    _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> PreparationRun? {
    guard source.isRepeatable else {
      throw PreparationError(
        .overBudget, stage: .encode, "it takes too many bytes at this size, and the source can be read only once",
        remedy: "read it into memory or a file first, or lower --max-side")
    }
    try source.rewind()
    var recipe = recipe
    recipe.maxPixels = min(recipe.maxPixels ?? .max, max(1, Int(Double(pass.firstSize.pixelCount) * share)))
    do throws(PreparationError) {
      var smaller = try PreparationRun(
        source, recipe: recipe, instructionSet: instructionSet, cancellation: cancellation, wantsPixels: false,
        encoding: pass.encoding, survey: pass.survey, clock: pass.clock)
      smaller.firstSize = pass.firstSize
      return smaller.plan.outputSize.pixelCount < pass.plan.outputSize.pixelCount ? smaller : nil
    } catch {
      if error.code == .invalidRecipe { return nil }
      throw error
    }
  }

  /// Decodes, resizes, turns and converts one image.
  ///
  /// - Returns: Its pixels: gray, gray and alpha, RGB or RGBA. A recipe for JPEG flattens transparency.
  /// - Throws: A ``PreparationError``.
  public func pixels(
    of source: ImageSource, recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    var pass = try PreparationRun(
      RepeatableSource(source), recipe: recipe, instructionSet: instructionSet, cancellation: cancellation,
      wantsPixels: true)
    let raster = pass.finishedRaster()
    return PixelImage(size: raster.size, channels: raster.channelCount, samples: raster.bytes)
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
    try PNGEncoder(compression: compression, instructionSet: instructionSet, threads: threads)
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
