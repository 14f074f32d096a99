internal import ImagePreparation
internal import ScenarioAPI

extension Img2ImgOrder.SecondImage {
  /// The image itself.
  var source: ImageSource {
    switch self {
    case .mask(let source), .control(let source, _): source
    }
  }

  /// What it is called in the names of files.
  var name: String {
    switch self {
    case .mask: "mask"
    case .control: "control"
    }
  }

  /// The endpoint that takes it, once it is uploaded.
  func endpoint(_ asset: AssetID) -> Img2ImgRequest.Endpoint {
    switch self {
    case .mask: .inpaint(mask: asset)
    case .control(_, let modality): .controlnetImg2Img(control: asset, modality: modality)
    }
  }

  /// Prepares it to lie on the image it belongs to.
  ///
  /// - Parameters:
  ///   - geometry: Where that image's prepared pixels lie in its source.
  ///   - recipe: How that image was prepared.
  /// - Throws: A `PreparationError`, of stage `resize` when it has another size than the image it belongs to.
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
    // Black and white is what the service documents: half and more is white.
    let samples = (0..<pixels.size.pixelCount).map { pixel -> UInt8 in
      let sum = pixels.samples[pixel * channels..<(pixel + 1) * channels].reduce(0) { $0 + Int($1) }
      return sum * 2 >= 255 * channels ? 255 : 0
    }
    return (try preparer.encodePNGBlocking(PixelImage(size: pixels.size, channels: 1, samples: samples)), .png)
  }
}
