/// Every decision about one image, made before a pixel is decoded.
public struct PreparationPlan: Sendable {
  /// The path of pixels from decoder to encoder.
  public enum Path: String, Sendable, Codable {
    /// Interleaved rows are resized as they are stored (gray, RGB or CMYK).
    case rows = "rgb"
    /// The planes of a JPEG or a WebP are each resized from their own size, and are converted to RGB at the result's size or not at all.
    case planar
  }

  /// The geometry record of the result.
  public let geometry: GeometryRecord
  /// The share of the source's sides that the decoder delivers: 1, 1/2, 1/4 or 1/8.
  public let decoderScale: Double
  /// The path of the pixels.
  public let path: Path
  /// The instruction set of the kernels.
  public let instructionSet: InstructionSet
  /// The threads that share the work: 2 when one decodes while the other one resizes and encodes.
  public let threads: Int
  /// The peak number of bytes of all buffers, including those of a codec that holds the whole image.
  public let bufferBytes: Int
  /// Notes for the user about these decisions.
  public let notes: [String]

  /// The decisions that a run carries out; nil in a plan of another process, which carried it out itself.
  private var work: Work?
  /// The record of a plan of another process; nil for one of this process.
  let found: Record?

  private struct Work: Sendable {
    var decoding: DecodingPlan
    let filter: ResamplingFilter
    let resampling: [ResamplingPlan]
    let keptRows: Int?
    let color: ColorPlan
    let alpha: AlphaPlan
    let output: OutputPlan
  }

  /// The form in which the decoder delivers the image.
  var decoding: DecodingPlan {
    get { work!.decoding }
    set { work!.decoding = newValue }
  }
  /// The resampling filter.
  var filter: ResamplingFilter { work!.filter }
  /// The resampling of each plane.
  var resampling: [ResamplingPlan] { work!.resampling }
  /// The number of rows of each resampled plane that are kept until they become RGB; nil for all rows.
  var keptRows: Int? { work!.keptRows }
  /// The decision about colors.
  var color: ColorPlan { work!.color }
  /// The decision about transparency.
  var alpha: AlphaPlan { work!.alpha }
  /// The decisions about finishing and encoding.
  var output: OutputPlan { work!.output }

  /// True when colors are converted to sRGB row by row before the resize, because the source's transfer function differs so much
  /// from sRGB's that a resize before the conversion would give visibly different colors.
  public let convertsColorFirst: Bool

  /// Width and height of the result.
  public var outputSize: ImageSize { geometry.canvas }

  /// The number of pixels below which a second thread costs more time than it saves.
  static let leastPixelsForThreads = 500_000

  /// Makes the decisions.
  ///
  /// - Parameters:
  ///   - source: The content of the source's headers.
  ///   - codec: The file's structure, from the same headers.
  ///   - recipe: The user's wishes.
  ///   - limits: The limits of memory and threads.
  ///   - settled: The settings of the encoder that a search for a byte budget has chosen; nil for the recipe's.
  ///   - product: The product of the run: a file, pixels or a tensor.
  ///   - kernels: The kernels that color conversions use.
  ///   - probe: The findings of an earlier read of the source.
  /// - Throws: `tooMuchMemory` or `invalidRecipe`.
  init(
    source: ImageDescription, codec: SourceStructure, recipe: Recipe, limits: Limits,
    settled: OutputPlan.Settings? = nil, product: OutputPlan.Product, kernels: KernelTable, probe: SourceProbe
  ) throws(PreparationError) {
    let depth = DepthPlan(
      source: source, recipe: recipe, format: settled?.format.asked ?? recipe.output.format, product: product)
    let resolved = try GeometryRecord.resolve(
      source: source.size, orientation: source.orientation, recipe: recipe, trimmed: probe.trimmed,
      attention: probe.attention)
    let geometry = resolved.record
    let channels = source.decodedChannels
    let (color, colorNotes) = ColorPlan.make(
      source: source, channels: channels, recipe: recipe, kernels: kernels)
    let alpha = AlphaPlan(
      source: source, recipe: recipe, depth: depth, isPadded: geometry.isPadded, product: product)
    let linear = recipe.samples.isLinear
    let stored = StoredGeometry(geometry, source: source)
    threads = limits.threads > 1 && source.storedSize.pixelCount >= Self.leastPixelsForThreads ? 2 : 1

    // Decoding.
    let decoderScale =
      color.conversionBeforeResize == nil ? Self.decoderScale(source: source, stored: stored, recipe: recipe) : .full
    let structure = linear || color.conversionBeforeResize != nil ? nil : codec.planes(for: recipe, stored)
    let planes: [StripPlane]
    let scales: [(x: Double, y: Double)]
    if let structure {
      planes = StripPlane.planes(
        of: source.storedSize, samplingFactors: structure.samplingFactors, denominator: decoderScale.rawValue)
      scales = StripPlane.scales(samplingFactors: structure.samplingFactors, denominator: decoderScale.rawValue)
    } else {
      let size = decoderScale.applied(to: source.storedSize)
      let layout = RowLayout(channels: channels, bitDepth: depth.decoded, width: size.width)
      planes = [StripPlane(layout: layout, height: size.height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)]
      scales = [(1 / Double(decoderScale.rawValue), 1 / Double(decoderScale.rawValue))]
    }
    var decoding = DecodingPlan(
      form: structure == nil ? .rows : .planes, scale: decoderScale, planes: planes, range: structure?.range ?? .full,
      conversion: color.conversionBeforeResize, threads: threads)
    if threads > 1 { decoding.independentStrips = structure?.independentStrips }
    let output = try OutputPlan(
      source: source, decoded: decoding.form, planeCount: planes.count, channels: planes[0].layout.channels,
      depth: depth, geometry: geometry, color: color, alpha: alpha, recipe: recipe, settled: settled, product: product,
      threads: limits.threads)

    // Resampling.
    let scale = SampleScale(
      bitDepth: planes[0].layout.bitDepth, linear: linear, isPremultiplied: alpha.premultiplies)
    let chromaFactor = output.encodesPlanes && recipe.output.subsampling == .yuv420 ? 2 : 1
    var resampling: [ResamplingPlan] = []
    for (index, (rows, planeScale)) in zip(planes, scales).enumerated() {
      // Cb and Cr usually have the same geometry, and share a plan.
      if index == 2, rows == planes[1], planeScale == scales[1] {
        resampling.append(resampling[1])
        continue
      }
      let factor = index == 0 ? 1 : chromaFactor
      resampling.append(
        ResamplingPlan(
          layout: rows.layout, height: rows.height, horizontal: stored.x.divided(by: factor).scaled(by: planeScale.x),
          vertical: stored.y.divided(by: factor).scaled(by: planeScale.y), filter: recipe.resamplingFilter,
          scale: scale, keepsFraction: output.mergesPlanes, expansion: decoding.range.expansion(ofPlane: index)))
    }
    let keptRows = output.mergesPlanes ? MergedPlanes.keptRows(planes, resampling) : nil
    path = structure == nil ? .rows : .planar
    notes = resolved.notes + (probe.attention == nil ? [] : [geometry.attentionNote]) + colorNotes + depth.notes
    self.decoderScale = 1 / Double(decoderScale.rawValue)
    self.geometry = geometry
    convertsColorFirst = color.conversionBeforeResize != nil
    found = nil
    instructionSet = kernels.instructionSet

    func decodingBytes(_ decoding: DecodingPlan) -> Int {
      let loopBytes = zip(planes, resampling).reduce(0) { sum, plane in
        sum
          + PlaneResampler.bytesNeeded(
            plan: plane.1, stripRows: plane.0.stripRows, rowBytes: plane.0.rowBytes, ahead: decoding.stripsAhead,
            keptRows: keptRows)
      }
      guard let structure else { return loopBytes + codec.wholeImageBytes }
      // A file that cannot be decoded from restart markers is decoded in order.
      let inOrder = structure.wholeImageBytes + decoding.stripsAhead * structure.bytesPerStrip
      guard decoding.independentStrips != nil else { return loopBytes + inOrder }
      let intervals = IntervalDecoder.bytesNeeded(
        size: source.storedSize, samplingFactors: structure.samplingFactors, ahead: decoding.stripsAhead)
      return loopBytes + max(inOrder, intervals)
    }
    let delivered =
      output.mergesPlanes
      ? resampling[0].output.pixelCount * 3
      : resampling.reduce(0) { $0 + $1.output.pixelCount * $1.channels * ($1.resultBitDepth / 8) }
    let afterwards = output.bytesAfterwards(
      delivered: delivered, bitDepth: output.mergesPlanes ? 8 : resampling[0].resultBitDepth)
    let threads = threads
    func bytes(_ decoding: DecodingPlan) -> Int {
      let bytes = max(decodingBytes(decoding) + output.bytesWhileRowsArrive, afterwards.most) + afterwards.kept
      // Beside buffers there are the rows of codecs, blocks of the heap that are partly used, and the stack and the heap of a second
      // thread: up to 3 % and 2 MiB were found.
      return bytes + bytes / 32 + (threads - 1) << 21
    }
    // This is done only if there is memory for it, so that no file is refused that could be decoded in order.
    if bytes(decoding) > limits.maxMemory { decoding.independentStrips = nil }
    bufferBytes = bytes(decoding)
    work = Work(
      decoding: decoding, filter: recipe.resamplingFilter, resampling: resampling, keptRows: keptRows, color: color,
      alpha: alpha, output: output)
    guard bufferBytes <= limits.maxMemory else {
      throw PreparationError(
        .tooMuchMemory, stage: .open,
        "preparing this \(Self.kind(of: source)) of \(source.size) takes \(bufferBytes >> 20) MiB, \(limits.maxMemory >> 20) MiB are allowed",
        remedy: .either(
          .raise(.memory, atLeast: bufferBytes),
          or: source.isProgressive
            ? "store it without \(source.format == .jpeg ? "progressive scans" : "interlacing")"
            : "ask for a smaller result"))
    }
  }

  /// The plan of another process.
  init(found: Record) {
    geometry = found.geometry
    decoderScale = found.explanation.decode.scale
    path = found.path
    instructionSet = found.instructionSet
    threads = found.explanation.decode.threads
    bufferBytes = found.explanation.bufferBytes
    notes = found.explanation.notes
    convertsColorFirst = found.convertsColorFirst
    self.found = found
  }

  /// The decoder's scale: the smallest one that leaves the filter a factor of at least 2 (`fast`: 1) on both axes.
  private static func decoderScale(source: ImageDescription, stored: StoredGeometry, recipe: Recipe) -> JPEGScale {
    guard source.format == .jpeg, recipe.effort != .best, !recipe.samples.isLinear else { return .full }
    let factor = min(stored.x.step, stored.y.step)
    let left = recipe.effort == .fast ? 1.0 : 2.0
    return [JPEGScale.eighth, .quarter, .half].first { factor / Double($0.rawValue) >= left } ?? .full
  }

  private static func kind(of source: ImageDescription) -> String {
    let name = source.format.name
    return source.isProgressive ? "\(source.format == .jpeg ? "progressive" : "interlaced") \(name)" : name
  }
}

extension SourceStructure {
  /// The planes that are delivered for a recipe; nil for rows.
  fileprivate func planes(for recipe: Recipe, _ stored: StoredGeometry) -> PlaneStructure? {
    guard let planes, planes.isForResizeOnly else { return planes }
    let isResized = stored.x.step != 1 || stored.y.step != 1
    return isResized && !recipe.samples.isData && recipe.resamplingFilter != .nearest ? planes : nil
  }
}
