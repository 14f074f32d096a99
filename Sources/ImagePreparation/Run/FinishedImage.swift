/// A small image that is upright, in its final colors and on its canvas, so that it only has to be encoded.
struct FinishedImage {
  let plan: PreparationPlan
  /// The findings of an earlier read of the source.
  let probe: SourceProbe
  /// The number of encodes so far.
  private(set) var encodes = 0
  /// The time spent so far.
  private(set) var clock: StageClock

  private let source: ImageDescription
  private let kernels: KernelTable
  private let cancellation: CancellationFlag?
  /// The planes that go into a JPEG without conversion, or the one finished image.
  private let planes: [Raster]
  /// True when a PNG may be the smaller file.
  private let isFlat: Bool
  /// The tensor of the pixels, if the plan has one.
  let tensor: Tensor?
  /// The file that was encoded while rows arrived, until it is taken.
  private var file: [UInt8]?
  private var notes: [String]

  /// Applies the steps of the plan to the result of the loop.
  ///
  /// - Throws: `canceled` once the flag is raised.
  static func finishing(
    _ result: consuming StripLoop.Result, of source: ImageDescription, plan: PreparationPlan, probe: SourceProbe,
    kernels: KernelTable, cancellation: CancellationFlag?, clock: StageClock
  ) throws(PreparationError) -> FinishedImage {
    var clock = clock
    var notes = source.notes + plan.notes + result.damage.notes
    if plan.output.metadata == nil, source.hasGPS { notes.append("stripped GPS") }
    if source.hasGainMap { notes.append("the gain map (HDR) was left out: the result is the picture without it") }
    if source.isAnimated { notes.append("only the default image of the animation was taken") }
    let file = result.file
    var image = UnfinishedImage(planes: result.planes)
    result.planes = []

    clock.enter(.color)
    // For planes, luma in stored orientation decides whether the image is flat.
    var isFlat = false
    if plan.output.encodesPlanes, plan.output.settings.format == .jpegUnlessFlat {
      isFlat = try image.planes[0].isFlat(cancellation)
    }
    for step in plan.output.steps {
      clock.enter(step.stage)
      try step.apply(to: &image, cancellation)
    }
    clock.enter(.color)
    if !plan.output.encodesPlanes, plan.output.settings.format.mayBeFlat, plan.output.product.isFile,
      !image.planes[0].channels.hasAlpha
    {
      isFlat = try image.planes[0].isFlat(cancellation)
    }
    clock.enter(nil)
    return FinishedImage(
      plan: plan, probe: probe, clock: clock, source: source, kernels: kernels, cancellation: cancellation,
      planes: image.planes, isFlat: isFlat, tensor: image.tensor, file: file, notes: notes + image.notes)
  }

  /// The finished pixels.
  ///
  /// - Precondition: The plan's product is pixels.
  var pixels: Raster {
    precondition(plan.output.product == .pixels, "planes were kept for a JPEG")
    return planes[0]
  }

  /// The pixels or the tensor, with the records of the run.
  ///
  /// - Precondition: The plan's product is pixels or a tensor.
  consuming func memoryResult() -> MemoryResult {
    var clock = clock
    let image = plan.output.product == .pixels ? pixels : nil
    return MemoryResult(
      size: plan.output.size, channels: image?.channelCount ?? 3, samples: image?.bytes ?? [], tensor: tensor,
      geometry: plan.geometry, timings: clock.timings(), notes: notes)
  }

  /// The format of a file with these settings, unless the image is flat.
  private func format(_ settings: OutputPlan.Settings) -> EncodedFormat {
    // The plan's alpha rule leaves a channel only if a pixel is transparent. If the PNG encoder decides about alpha, the format is PNG.
    settings.format.encoded(isTransparent: planes[0].channels.hasAlpha)
  }

  /// True if a file with these settings has a quality.
  func isLossy(_ settings: OutputPlan.Settings) -> Bool {
    switch format(settings) {
    case .jpeg: true
    case .png: false
    case .webp: !plan.output.isLosslessWebP(settings, hasAlpha: planes[0].channels.hasAlpha)
    }
  }

  /// Encodes the image.
  ///
  /// - Parameter settings: The plan's settings, or those that a search for a byte budget has chosen.
  /// - Returns: The file and its records.
  /// - Throws: A ``PreparationError`` of stage `encode`.
  mutating func encoded(_ settings: OutputPlan.Settings) throws(PreparationError) -> PreparedImage {
    clock.enter(.encode)
    var format = self.format(settings)
    if format == .png, settings.format != .png { notes.append("PNG, because the image is transparent") }
    var bytes = try file(settings, as: format)
    if format == .jpeg, settings.format != .jpeg, isFlat {
      let smaller = try file(settings, as: .png)
      if smaller.count < bytes.count {
        notes.append("PNG, because it is smaller for this flat illustration")
        (format, bytes) = (.png, smaller)
      }
    }
    plan.output.metadata?.insert(into: &bytes, format: format)
    clock.enter(nil)
    // A flat image may have become a PNG.
    let hasQuality = format != .png && isLossy(settings)
    let isUnasked = format == .webp && !hasQuality && settings.compression != .small
    let idle =
      isUnasked
      ? ["WebP without loss, because the image is transparent"]
      : plan.output.settings.note(ofIdleIn: format).map { [$0] } ?? []
    let subsampling =
      isGray && format == .jpeg ? "gray" : plan.output.subsampling == .yuv420 || format == .webp ? "4:2:0" : "4:4:4"
    return PreparedImage(
      bytes: bytes, format: format, size: plan.output.size,
      quality: hasQuality ? Int(settings.quality.rounded()) : nil,
      subsampling: hasQuality ? subsampling : nil, bits: plan.output.bits, source: source,
      plan: plan, geometry: plan.geometry, timings: clock.timings(),
      notes: notes + idle + (plan.output.metadata?.notes(source: source, format: format) ?? []), tensor: tensor)
  }

  private var isGray: Bool { planes.count == 1 && planes[0].channels == .gray }

  /// The file that the sink has made, if this is the first call; otherwise nil. The sink used the plan's settings, which are also the
  /// settings of the first call.
  private mutating func takeFile() -> [UInt8]? {
    defer { file = nil }
    return file
  }

  private mutating func file(
    _ settings: OutputPlan.Settings, as format: EncodedFormat
  ) throws(PreparationError) -> [UInt8] {
    switch format {
    case .jpeg: try jpeg(settings)
    case .png: try png(settings)
    case .webp: try webp(settings)
    }
  }

  private mutating func jpeg(_ settings: OutputPlan.Settings) throws(PreparationError) -> [UInt8] {
    encodes += 1
    if let file = takeFile() { return file }
    let encoding = plan.output.jpeg(settings)
    guard plan.output.encodesPlanes else { return try planes[0].encodedJPEG(encoding, cancellation: cancellation) }
    let encoder = try JPEGPlaneEncoder(
      size: plan.output.size, planeCount: planes.count, encoding: encoding, conversion: plan.output.planeConversion,
      cancellation: cancellation)
    return try encoder.encode(planes)
  }

  private mutating func webp(_ settings: OutputPlan.Settings) throws(PreparationError) -> [UInt8] {
    encodes += 1
    let encoder = WebPEncoder(
      quality: isLossy(settings) ? settings.quality : nil, compression: settings.compression,
      iccProfile: plan.output.embeddedProfile, cancellation: cancellation)
    return try encoder.encode(planes[0])
  }

  private mutating func png(_ settings: OutputPlan.Settings) throws(PreparationError) -> [UInt8] {
    encodes += 1
    if let file = takeFile() { return file }
    var image = try Raster(planes: planes, kernels: kernels, cancellation: cancellation)
    if let conversion = plan.output.planeConversion {
      image = try image.inBands(cancellation, .color) { conversion.convert($0) }
    }
    return try plan.output.pngEncoder(settings, kernels: kernels, cancellation: cancellation)
      .encode(image, color: plan.output.pngColor)
  }
}

extension OutputPlan.Settings {
  /// The note about a setting that was asked for and has no effect on the format that was chosen; nil if there is none.
  fileprivate func note(ofIdleIn format: EncodedFormat) -> String? {
    switch (self.format, format) {
    case (.jpeg, _), (.png, _), (.webp, _): nil
    case (_, .jpeg) where compression != .balanced:
      "the compression \(compression.rawValue) changed nothing: it is for PNG, and this is a JPEG"
    case (_, .png) where quality != 92: "the quality changed nothing: this is a PNG, which keeps every pixel"
    default: nil
    }
  }
}

extension DecodingDamage {
  /// Notes for the user.
  fileprivate var notes: [String] {
    let dropped = droppedChunks.map { [Self.note(dropped: $0)] } ?? []
    if let row = firstFilledRow { return dropped + ["the source is damaged: rows from \(row) on were filled"] }
    return dropped + (warningCount > 0 ? ["the codec warned: \(firstWarning ?? "")"] : [])
  }
}
