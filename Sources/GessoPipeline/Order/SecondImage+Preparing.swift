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
  ///   - preparer: Prepares it.
  ///   - recipe: The order's recipe for this image.
  ///   - cancellation: Stops the work when it is raised.
  /// - Returns: The encoded image; a mask is a PNG of black and white.
  /// - Throws: A `PreparationError`, of stage `resize` when it has another size than the image it belongs to.
  func prepared(
    by preparer: ImagePreparer, as recipe: Recipe, cancellation: CancellationFlag
  ) throws(PreparationError) -> (bytes: [UInt8], format: ImageDescription.Format) {
    guard case .mask = self else {
      let image = try preparer.prepareBlocking(source, as: recipe, cancellation: cancellation)
      return (image.bytes, image.format)
    }
    let pixels = try preparer.pixelsBlocking(of: source, as: recipe, cancellation: cancellation)
    let channels = pixels.channels
    // The service documents masks in black and white; a mean of half or more becomes white.
    let samples = (0..<pixels.size.pixelCount).map { pixel -> UInt8 in
      let sum = pixels.samples[pixel * channels..<(pixel + 1) * channels].reduce(0) { $0 + Int($1) }
      return sum * 2 >= 255 * channels ? 255 : 0
    }
    return (try preparer.encodePNGBlocking(PixelImage(size: pixels.size, channels: 1, samples: samples)), .png)
  }
}
