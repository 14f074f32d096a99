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

  /// Prepares the image so that it lies on the first one pixel by pixel.
  ///
  /// - Parameters:
  ///   - preparer: Prepares the image, on the calling thread.
  ///   - geometry: The geometry record of the first image.
  ///   - recipe: The recipe of the first image.
  ///   - cancellation: Stops the work when it is raised.
  /// - Returns: The encoded image; a mask is a black and white PNG.
  /// - Throws: A `PreparationError`, of stage `resize` when the image has another size than the first one.
  func prepared(
    by preparer: ImagePreparer, geometry: GeometryRecord, recipe: Recipe, cancellation: CancellationFlag
  ) throws(PreparationError) -> (bytes: [UInt8], format: ImageDescription.Format) {
    guard case .mask = self else {
      let image = try preparer.prepareBlocking(source, as: recipe.matching(geometry), cancellation: cancellation)
      return (image.bytes, image.format)
    }
    let mask = Recipe.mask(matching: geometry, failOn: recipe.failOn)
    let pixels = try preparer.pixelsBlocking(of: source, as: mask, cancellation: cancellation)
    let channels = pixels.channels
    // The service documents masks in black and white; a mean of half or more becomes white.
    let samples = (0..<pixels.size.pixelCount).map { pixel -> UInt8 in
      let sum = pixels.samples[pixel * channels..<(pixel + 1) * channels].reduce(0) { $0 + Int($1) }
      return sum * 2 >= 255 * channels ? 255 : 0
    }
    return (try preparer.encodePNGBlocking(PixelImage(size: pixels.size, channels: 1, samples: samples)), .png)
  }
}
