internal import ImagePreparation
internal import ScenarioAPI

extension Img2ImgOrder.SecondImage {
  /// The image itself.
  var source: ImageSource {
    switch self {
    case .mask(let source), .control(let source, _): source
    }
  }

  /// The part of file names that stands for this kind of image.
  var name: String {
    switch self {
    case .mask: "mask"
    case .control: "control"
    }
  }

  /// The endpoint that takes the image, once it is uploaded.
  func endpoint(_ asset: AssetID) -> Img2ImgRequest.Endpoint {
    switch self {
    case .mask: .inpaint(mask: asset)
    case .control(_, let modality): .controlnetImg2Img(control: asset, modality: modality)
    }
  }

  /// Prepares the image so that it covers the first one pixel by pixel.
  ///
  /// - Parameters:
  ///   - preparer: Prepares it.
  ///   - recipe: The order's recipe for this image.
  ///   - cancellation: Stops the work when it is raised.
  /// - Returns: The encoded image, and remarks about it. A mask becomes a PNG in black and white.
  /// - Throws: A `PreparationError`, which has the stage `resize` if the two images differ in size. A ``PipelineError`` with the code
  ///   `invalid-order` for a mask that selects nothing.
  func prepared(
    by preparer: ImagePreparer, as recipe: Recipe, cancellation: CancellationFlag
  ) throws -> (bytes: [UInt8], format: EncodedFormat, notes: [OrderNote]) {
    guard case .mask = self else {
      let image = try preparer.prepareBlocking(source, as: recipe, cancellation: cancellation)
      return (image.bytes, image.format, [])
    }
    let mask = try selection(preparer, recipe, cancellation)
    var isTransparent = false
    if try preparer.inspectBlocking(source, cancellation: cancellation).hasAlpha {
      // Transparency matters if the selection would be different on a white background.
      var onWhite = recipe
      onWhite.background = .white
      isTransparent = try selection(preparer, onWhite, cancellation).samples != mask.samples
    }
    guard mask.samples.contains(255) else {
      throw PipelineError(
        .invalidOrder, stage: .submit, "the mask selects nothing: no part of it is white",
        remedy: isTransparent
          ? "make the areas to repaint white; transparent parts are kept"
          : "make the areas to repaint white"
      )
    }
    var notes: [OrderNote] = []
    if !mask.samples.contains(0) { notes.append(.maskSelectsAll) }
    if isTransparent { notes.append(.maskIsTransparent) }
    return (try preparer.encodePNGBlocking(mask), .png, notes)
  }

  /// The mask in black and white, as the service requires: a mean of half or more becomes white.
  private func selection(
    _ preparer: ImagePreparer, _ recipe: Recipe, _ cancellation: CancellationFlag
  ) throws(PreparationError) -> PixelImage<UInt8> {
    let pixels = try preparer.pixelsBlocking(of: source, as: recipe, cancellation: cancellation)
    let channels = pixels.channels
    let samples = (0..<pixels.size.pixelCount).map { pixel -> UInt8 in
      let sum = pixels.samples[pixel * channels..<(pixel + 1) * channels].reduce(0) { $0 + Int($1) }
      return sum * 2 >= 255 * channels ? 255 : 0
    }
    return PixelImage(size: pixels.size, channels: 1, samples: samples)
  }
}
