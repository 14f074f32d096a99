/// What will happen to one image: every decision, made before a pixel is touched.
public struct PreparationPlan: Sendable {
  /// The way pixels take from decoder to encoder.
  public enum Path: String, Sendable {
    /// Interleaved rows are resized as they are stored (gray, RGB or CMYK).
    case rows = "rgb"
    /// The planes of a JPEG are resized each at its own size, and become RGB at the result's size or never.
    case planar
  }

  /// Where result pixels lie in the source.
  public let geometry: GeometryRecord
  /// The share of the source's sides that the decoder delivers: 1, 1/2, 1/4 or 1/8.
  public let decoderScale: Double
  /// The way the pixels take.
  public let path: Path
  /// The instruction set of the kernels.
  public let instructionSet: InstructionSet
  /// Threads that share the work: 2 where one decodes while the other resizes and encodes.
  public let threads: Int
  /// Bytes that buffers take at their peak, those of a codec that holds the whole image included.
  public let bufferBytes: Int
  /// What a user should know about these decisions.
  public let notes: [String]

  /// The planes that the decoder delivers; one of interleaved rows on the `rows` path.
  let planes: [StripPlane]
  /// How each plane is resampled.
  let resampling: [ResamplingPlan]
  /// The scale of the wide passes.
  let scale: SampleScale
  /// True when planes keep fraction bits until they become RGB, so that samples are rounded once.
  let hasFinePlanes: Bool
  /// What happens to the colors.
  let color: ColorPlan
  /// The subsampling with which the planes go into a JPEG as they are; nil where they become RGB first.
  let encodedPlanes: Recipe.Subsampling?
  /// True where interleaved rows go into the encoder as they are made.
  let encodesRows: Bool
  /// True when the source is stored upright.
  let isUpright: Bool

  /// True when colors are converted to sRGB row by row before the resize: the source's transfer function is so unlike
  /// sRGB's that a resize before the conversion would give visibly other colors.
  public var convertsColorFirst: Bool { color.conversionBeforeResize != nil }

  /// Width and height of the result.
  public var outputSize: ImageSize { geometry.canvas }

  /// The pixels below which a second thread costs more than it saves.
  static let leastPixelsForThreads = 500_000

  /// Decides.
  ///
  /// - Parameters:
  ///   - codec: What the decoder's headers say beyond the description.
  ///   - survey: What an earlier read of the source found.
  ///   - wantsPixels: True when pixels are wanted and no file.
  /// - Throws: `tooManyPixels`, `tooMuchMemory` or `invalidRecipe`.
  init(
    source: ImageDescription, codec: SourceDecoder.Structure, recipe: Recipe, instructionSet: InstructionSet,
    wantsPixels: Bool, survey: SourceProbe
  ) throws(PreparationError) {
    guard source.storedSize.pixelCount <= recipe.maxInputPixels else {
      throw PreparationError(
        .tooManyPixels, stage: .open,
        "\(source.size) is more than \(recipe.maxInputPixels / 1_000_000) megapixels",
        remedy: "raise --max-input-pixels if this is meant")
    }
    let resolved = try GeometryRecord.resolve(
      source: source.size, orientation: source.orientation, recipe: recipe, trimmed: survey.trimmed,
      attention: survey.attention)
    let geometry = resolved.record
    let channels = source.decodedChannels
    let (color, colorNotes) = ColorPlan.make(source: source, channels: channels, recipe: recipe)
    let linear = recipe.isLinear
    let stored = StoredGeometry(geometry, source: source)
    let denominator =
      color.conversionBeforeResize == nil
      ? Self.decoderDenominator(source: source, stored: stored, recipe: recipe) : 1

    if let factors = codec.samplingFactors, source.colorModel == .ycbcr || source.colorModel == .gray, !linear,
      color.conversionBeforeResize == nil
    {
      path = .planar
      planes = StripPlane.planes(of: source.storedSize, samplingFactors: factors, denominator: denominator)
      encodedPlanes = Self.encodedPlanes(geometry: geometry, color: color, recipe: recipe, wantsPixels: wantsPixels)
    } else {
      path = .rows
      let layout = RowLayout(
        channels: channels, bitDepth: source.bitDepth == 16 ? 16 : 8,
        width: (source.storedSize.width + denominator - 1) / denominator)
      let height = (source.storedSize.height + denominator - 1) / denominator
      planes = [StripPlane(layout: layout, height: height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)]
      encodedPlanes = nil
    }
    let scale = SampleScale(layout: planes[0].layout, linear: linear, isData: recipe.isData)
    let hasFinePlanes = planes.count == 3 && encodedPlanes == nil
    let chromaFactor = encodedPlanes == .yuv420 ? 2 : 1
    let scales: [(x: Double, y: Double)] =
      path == .planar
      ? StripPlane.scales(samplingFactors: codec.samplingFactors ?? [], denominator: denominator)
      : [(1 / Double(denominator), 1 / Double(denominator))]
    var resampling: [ResamplingPlan] = []
    for (index, (rows, planeScale)) in zip(planes, scales).enumerated() {
      // Cb and Cr are mostly alike.
      if index == 2, rows == planes[1], planeScale == scales[1] {
        resampling.append(resampling[1])
        continue
      }
      let factor = index == 0 ? 1 : chromaFactor
      resampling.append(
        ResamplingPlan(
          input: ImageSize(width: rows.layout.width, height: rows.height),
          horizontal: stored.x.divided(by: factor).scaled(by: planeScale.x),
          vertical: stored.y.divided(by: factor).scaled(by: planeScale.y), channels: rows.layout.channelCount,
          filter: recipe.filter, scale: scale.kind))
    }
    self.resampling = resampling
    isUpright = source.orientation == .upright
    encodesRows =
      path == .rows && isUpright && !wantsPixels && color.conversionAfterResize == nil
      && planes[0].layout.bitDepth == 8 && channels != .cmyk && geometry.content == geometry.canvas
    threads = recipe.threads > 1 && source.storedSize.pixelCount >= Self.leastPixelsForThreads ? 2 : 1
    decoderScale = 1 / Double(denominator)
    notes = resolved.notes + colorNotes
    self.geometry = geometry
    self.color = color
    self.scale = scale
    self.hasFinePlanes = hasFinePlanes
    self.instructionSet = instructionSet

    // The small image may exist twice while it is turned or converted, and once more on its canvas.
    let ahead = threads > 1 ? StripLoop.stripsAhead : 1
    let passBytes = zip(planes, resampling).reduce(0) { sum, plane in
      sum
        + PlaneResampler.bytesNeeded(
          plan: plane.1, layout: plane.0.layout, scale: scale, isFine: hasFinePlanes, stripRows: plane.0.stripRows,
          rowBytes: plane.0.rowBytes, ahead: ahead)
    }
    let coefficientBytes =
      path == .planar && codec.wholeImageBytes == 0
      ? JPEGPlaneStrips.bytesNeeded(size: source.storedSize, samplingFactors: codec.samplingFactors ?? [], threads: threads)
      : 0
    let depth = source.bitDepth == 16 ? 2 : 1
    let tensorBytes = recipe.tensor == nil ? 0 : geometry.canvas.pixelCount * 3 * MemoryLayout<Float>.size
    bufferBytes =
      codec.wholeImageBytes + passBytes + coefficientBytes + (1 + depth) * geometry.canvas.pixelCount * 4 + tensorBytes
    guard bufferBytes <= recipe.maxMemory else {
      throw PreparationError(
        .tooMuchMemory, stage: .open,
        "preparing this \(Self.kind(of: source)) of \(source.size) takes \(bufferBytes >> 20) MiB, \(recipe.maxMemory >> 20) MiB are allowed",
        remedy: source.isProgressive
          ? "raise --max-memory, or store it without \(source.format == .jpeg ? "progressive scans" : "interlacing")"
          : "raise --max-memory, or ask for a smaller result")
    }
  }

  /// How far the decoder may shrink: as far as leaves the filter a factor of at least 2 (`fast`: 1) on both axes.
  private static func decoderDenominator(source: ImageDescription, stored: StoredGeometry, recipe: Recipe) -> Int {
    guard source.format == .jpeg, recipe.effort != .best, !recipe.linear else { return 1 }
    let factor = min(stored.x.step, stored.y.step)
    let left = recipe.effort == .fast ? 1.0 : 2.0
    return [8, 4, 2].first { factor / Double($0) >= left } ?? 1
  }

  /// Planes can be encoded as they are when nothing happens to colors and canvas.
  private static func encodedPlanes(
    geometry: GeometryRecord, color: ColorPlan, recipe: Recipe, wantsPixels: Bool
  ) -> Recipe.Subsampling? {
    guard color.conversionAfterResize == nil, color.conversionBeforeResize == nil else { return nil }
    guard !wantsPixels, recipe.format != .png, geometry.content == geometry.canvas else { return nil }
    return recipe.subsampling
  }

  private static func kind(of source: ImageDescription) -> String {
    switch (source.format, source.isProgressive) {
    case (.jpeg, true): "progressive JPEG"
    case (.jpeg, false): "JPEG"
    case (.png, true): "interlaced PNG"
    case (.png, false): "PNG"
    }
  }
}
