/// What will happen to one image: every decision, made before a pixel is touched.
public struct PreparationPlan: Sendable {
  /// The way pixels take from decoder to encoder.
  public enum Path: String, Sendable {
    /// Interleaved rows are resized as they are stored (gray, RGB or CMYK).
    case rows = "rgb"
  }

  /// Where result pixels lie in the source.
  public let geometry: GeometryRecord
  /// The share of the source's sides that the decoder delivers: 1, 1/2, 1/4 or 1/8.
  public let decoderScale: Double
  /// The way the pixels take.
  public let path: Path
  /// The instruction set of the kernels.
  public let instructionSet: InstructionSet
  /// Bytes that buffers take at their peak, those of a codec that holds the whole image included.
  public let bufferBytes: Int
  /// What a user should know about these decisions.
  public let notes: [String]

  /// The layout of the decoded rows.
  let layout: RowLayout
  /// How rows are resampled.
  let resampling: ResamplingPlan
  /// The scale of the wide passes.
  let scale: SampleScale

  /// Width and height of the result.
  public var outputSize: ImageSize { geometry.canvas }

  /// Decides.
  ///
  /// - Parameter codecBytes: What the codec takes at once for a file that it cannot decode row by row.
  /// - Throws: `tooManyPixels`, `tooMuchMemory` or `invalidRecipe`.
  init(
    source: ImageDescription, codecBytes: Int, recipe: Recipe, instructionSet: InstructionSet
  ) throws(PreparationError) {
    guard source.storedSize.pixelCount <= recipe.maxInputPixels else {
      throw PreparationError(
        .tooManyPixels, stage: .open,
        "\(source.size) is more than \(recipe.maxInputPixels / 1_000_000) megapixels",
        remedy: "raise --max-input-pixels if this is meant")
    }
    let resolved = try GeometryRecord.resolve(
      source: source.size, orientation: source.orientation, recipe: recipe)
    geometry = resolved.record
    notes = resolved.notes
    path = .rows
    self.instructionSet = instructionSet

    let swaps = source.orientation.swapsSides
    let content = swaps ? geometry.content.transposed : geometry.content
    let crop = source.orientation.storedRect(geometry.crop, stored: source.storedSize)
    let denominator = Self.decoderDenominator(source: source, crop: crop, content: content, recipe: recipe)
    decoderScale = 1 / Double(denominator)
    let decoded = ImageSize(
      width: (source.storedSize.width + denominator - 1) / denominator,
      height: (source.storedSize.height + denominator - 1) / denominator)
    let layout = RowLayout(
      channels: Self.channels(of: source), bitDepth: source.bitDepth == 16 ? 16 : 8, width: decoded.width)
    let scale = SampleScale(layout: layout, linear: recipe.linear && !recipe.isData)
    resampling = ResamplingPlan(
      input: decoded, crop: crop.scaled(by: decoderScale), output: content, channels: layout.channelCount,
      filter: recipe.filter, allowNarrow: scale.kind == .bytes)
    self.layout = layout
    self.scale = scale

    // The raster may exist twice while it is turned or converted, and once more on its canvas.
    bufferBytes =
      codecBytes + RowResampler.bytesNeeded(plan: resampling, layout: layout)
      + 2 * content.pixelCount * layout.channelCount * (layout.bitDepth / 8) + geometry.canvas.pixelCount * 4
    guard bufferBytes <= recipe.maxMemory else {
      throw PreparationError(
        .tooMuchMemory, stage: .open,
        "preparing this \(Self.kind(of: source)) of \(source.size) takes \(bufferBytes >> 20) MiB, \(recipe.maxMemory >> 20) MiB are allowed",
        remedy: source.isProgressive
          ? "raise --max-memory, or store it without \(source.format == .jpeg ? "progressive scans" : "interlacing")"
          : "raise --max-memory, or ask for a smaller result")
    }
  }

  /// What the decoder delivers for a source.
  private static func channels(of source: ImageDescription) -> RowLayout.Channels {
    switch source.colorModel {
    case .gray: source.hasAlpha ? .grayAlpha : .gray
    case .rgb, .ycbcr, .palette: source.hasAlpha ? .rgba : .rgb
    case .cmyk, .ycck: .cmyk
    }
  }

  private static func kind(of source: ImageDescription) -> String {
    switch (source.format, source.isProgressive) {
    case (.jpeg, true): "progressive JPEG"
    case (.jpeg, false): "JPEG"
    case (.png, true): "interlaced PNG"
    case (.png, false): "PNG"
    }
  }

  /// How far the decoder may shrink: as far as leaves the filter a factor of at least 2 (`fast`: 1) on both axes.
  private static func decoderDenominator(
    source: ImageDescription, crop: GeometryRecord.SourceRect, content: ImageSize, recipe: Recipe
  ) -> Int {
    guard source.format == .jpeg, recipe.effort != .best, !recipe.linear else { return 1 }
    let factor = min(crop.width / Double(content.width), crop.height / Double(content.height))
    let left = recipe.effort == .fast ? 1.0 : 2.0
    return [8, 4, 2].first { factor / Double($0) >= left } ?? 1
  }
}

extension GeometryRecord.SourceRect {
  /// The same rectangle on an image shrunk by `factor`.
  func scaled(by factor: Double) -> Self {
    Self(x: x * factor, y: y * factor, width: width * factor, height: height * factor)
  }
}
