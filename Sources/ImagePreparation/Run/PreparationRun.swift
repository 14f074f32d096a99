/// One image on its way through the plan: decoded and resized in one streaming pass, then turned, converted and encoded
/// as the small image it has become.
struct PreparationRun {
  private let source: ImageDescription
  private let recipe: Recipe
  let plan: PreparationPlan
  /// What an earlier read of the source found.
  let survey: SourceProbe
  /// The size of the first try of a byte budget.
  var firstSize: ImageSize
  private let cancellation: CancellationFlag?
  private(set) var clock: StageClock
  private var notes: [String]
  /// The small image in stored orientation, plane by plane; one of interleaved rows on the `rows` path.
  private var planes: [Raster]
  /// The file, where rows or planes were encoded while they came.
  private var streamed: [UInt8]?
  private let tensorTables: [Float]?
  private var tensor: Tensor?
  /// The metadata that the result carries.
  private let metadata: KeptMetadata?
  /// The finished small image, once it was asked for.
  private var finished: Raster?
  /// How the result is encoded; at first as the recipe says.
  var encoding: Encoding
  /// Times the image was encoded.
  private(set) var encodes = 0

  /// What of a recipe may change while a byte budget is sought.
  struct Encoding {
    var format: Recipe.OutputFormat
    var quality: Double
    var compression: Recipe.Compression
  }

  /// Opens the source, decides, decodes and resizes.
  init(
    _ imageSource: RepeatableSource, recipe: Recipe, instructionSet: InstructionSet, cancellation: CancellationFlag?,
    wantsPixels: Bool, encoding: Encoding? = nil, survey: SourceProbe? = nil, clock: StageClock = StageClock()
  ) throws(PreparationError) {
    let encoding =
      encoding
      ?? Encoding(format: recipe.format, quality: Double(recipe.quality), compression: recipe.compression)
    self.encoding = encoding
    self.clock = clock
    tensorTables = try recipe.tensor?.tables()
    self.clock.enter(.open)
    var limits = DecodingLimits()
    limits.maxPixels = recipe.maxInputPixels
    limits.maxMemory = recipe.maxMemory
    let found: SourceProbe
    if let survey {
      found = survey
    } else {
      found = try SourceProbe(
        of: imageSource, recipe: recipe, limits: limits, instructionSet: instructionSet, cancellation: cancellation)
    }
    let decoder = try SourceDecoder(
      opening: imageSource.input, limits: limits, policy: recipe.failOn, cancellation: cancellation)
    let source = decoder.description
    let plan = try PreparationPlan(
      source: source, codec: decoder.structure, recipe: recipe, instructionSet: instructionSet,
      wantsPixels: wantsPixels || recipe.tensor != nil, survey: found)
    notes = source.notes + plan.notes

    let pass = StripLoop(
      planes: plan.planes, plans: plan.resampling, scale: plan.scale, isFine: plan.hasFinePlanes,
      kernels: KernelTable(instructionSet),
      threads: plan.threads)
    let damage: DecodingDamage
    if let started = try RowSink(
      plan: plan, recipe: recipe, encoding: encoding, cancellation: cancellation)
    {
      var encoder = started
      damage = try decoder.run(plan, through: pass, clock: &self.clock, cancellation: cancellation) {
        clock throws(PreparationError) in
        clock.enter(.encode)
        return try encoder.encodeSome(of: pass.resamplers)
      }
      self.clock.enter(.encode)
      streamed = try encoder.finish(pass.resamplers)
    } else {
      damage = try decoder.run(plan, through: pass, clock: &self.clock, cancellation: cancellation) { _ in false }
    }
    planes = pass.resamplers.map(\.result)
    notes += damage.notes
    self.clock.enter(nil)
    if cancellation?.isCanceled == true { throw .canceled(.color) }
    metadata = recipe.metadata == .keep ? KeptMetadata(of: source) : nil
    if metadata == nil, source.hasGPS { notes.append("stripped GPS") }
    if source.isAnimated { notes.append("only the default image of the animation was taken") }
    self.source = source
    self.recipe = recipe
    self.plan = plan
    self.survey = found
    firstSize = plan.outputSize
    self.cancellation = cancellation
  }

  /// The prepared pixels: upright, in their final colors, 8 bits, on their canvas.
  mutating func finishedRaster() -> Raster {
    if let finished { return finished }
    clock.enter(.orient)
    let upright = planes.map { source.orientation.upright($0) }
    clock.enter(.color)
    defer { clock.enter(nil) }
    var raster = plan.path == .planar ? Raster(planes: upright) : upright[0]
    if let conversion = plan.color.conversionAfterResize { raster = conversion.convert(raster) }
    raster = raster.roundedToBytes()
    if raster.channels.hasAlpha {
      if raster.isOpaque {
        raster = raster.withoutAlpha()
      } else if let background = recipe.background {
        raster = raster.flattened(on: background, linear: recipe.isLinear)
      } else if recipe.format == .jpeg, recipe.isData {
        raster = raster.withoutAlpha()
        notes.append("the channel stored as alpha was left out, because a JPEG has none")
      } else if recipe.format == .jpeg {
        raster = raster.flattened(on: .white, linear: recipe.isLinear)
        notes.append("transparency was flattened on white, because a JPEG has none")
      }
    }
    let geometry = plan.geometry
    let fill = recipe.background ?? (recipe.format == .jpeg ? .white : nil)
    raster = raster.padded(to: geometry.canvas, x: geometry.contentX, y: geometry.contentY, background: fill)
    finished = raster
    return raster
  }

  /// True where the result can be a JPEG that loses nothing but detail: it need not be a PNG, and has no transparency.
  var mayBeJPEG: Bool { encoding.format != .png && (plan.encodedPlanes != nil || finished?.channels.hasAlpha != true) }

  /// Encodes and tells the whole story.
  mutating func encoded() throws(PreparationError) -> PreparedImage {
    var (format, bytes, isGray) = plan.encodedPlanes == nil ? try encodedRaster() : try encodedPlanes()
    try metadata?.insert(into: &bytes, format: format)
    clock.enter(nil)
    let isJPEG = format == .jpeg
    let subsampling = isGray ? "gray" : recipe.subsampling == .yuv420 ? "4:2:0" : "4:4:4"
    return PreparedImage(
      bytes: bytes, format: format, size: plan.geometry.canvas, quality: isJPEG ? Int(encoding.quality.rounded()) : nil,
      subsampling: isJPEG ? subsampling : nil, sha256: ContentDigest.sha256(of: bytes), source: source, plan: plan,
      geometry: plan.geometry, timings: clock.timings(),
      notes: notes + (metadata?.notes(source: source, format: format) ?? []), tensor: tensor)
  }

  private typealias Encoded = (format: ImageDescription.Format, bytes: [UInt8], isGray: Bool)

  /// The planes as JPEG; a flat illustration also as PNG, and the smaller of both.
  private mutating func encodedPlanes() throws(PreparationError) -> Encoded {
    let isGray = planes.count == 1
    let bytes: [UInt8]
    encodes += 1
    if let streamed {
      bytes = streamed
      self.streamed = nil
    } else {
      clock.enter(.orient)
      let upright = planes.map { source.orientation.upright($0) }
      clock.enter(.encode)
      var encoder = try JPEGPlaneEncoder(plan: plan, quality: encoding.quality, subsampling: recipe.subsampling)
      try encoder.encode(upright)
      bytes = try encoder.finish()
    }
    clock.enter(.color)
    guard encoding.format == .auto, planes[0].isFlat else { return (.jpeg, bytes, isGray) }
    let raster = finishedRaster()
    clock.enter(.encode)
    return try smaller((.jpeg, bytes, isGray), orPNGOf: raster)
  }

  private mutating func encodedRaster() throws(PreparationError) -> Encoded {
    if let streamed {
      self.streamed = nil
      encodes += 1
      let isGray = planes[0].channels == .gray
      if encoding.format == .png { return (.png, streamed, isGray) }
      guard encoding.format == .auto, planes[0].isFlat else { return (.jpeg, streamed, isGray) }
      let raster = finishedRaster()
      clock.enter(.encode)
      return try smaller((.jpeg, streamed, isGray), orPNGOf: raster)
    }
    let raster = finishedRaster()
    if let format = recipe.tensor, let tensorTables {
      clock.enter(.color)
      let opaque = recipe.isData && recipe.background == nil ? raster.withoutAlpha() : raster
      tensor = opaque.tensor(
        layout: format.layout, tables: tensorTables, background: recipe.background ?? .white,
        linear: recipe.isLinear)
    }
    clock.enter(.encode)
    let isGray = raster.channels == .gray
    switch encoding.format {
    case .png: return (.png, try encodedPNG(raster), isGray)
    case .jpeg: return (.jpeg, try encodedJPEG(raster), isGray)
    case .auto:
      if raster.channels.hasAlpha {
        notes.append("PNG, because the image is transparent")
        return (.png, try encodedPNG(raster), isGray)
      }
      let jpeg = Encoded(.jpeg, try encodedJPEG(raster), isGray)
      return raster.isFlat ? try smaller(jpeg, orPNGOf: raster) : jpeg
    }
  }

  private mutating func smaller(_ jpeg: Encoded, orPNGOf raster: Raster) throws(PreparationError) -> Encoded {
    let png = try encodedPNG(raster)
    guard png.count < jpeg.bytes.count else { return jpeg }
    notes.append("PNG, because it is smaller for this flat illustration")
    return (.png, png, jpeg.isGray)
  }

  private mutating func encodedPNG(_ raster: Raster) throws(PreparationError) -> [UInt8] {
    encodes += 1
    let encoder = PNGEncoder(
      compression: encoding.compression, instructionSet: plan.instructionSet, threads: recipe.threads,
      cancellation: cancellation)
    return try encoder.encode(raster, color: plan.color.pngColor(recipe))
  }

  private mutating func encodedJPEG(_ raster: Raster) throws(PreparationError) -> [UInt8] {
    encodes += 1
    return try raster.encodedJPEG(
      JPEGEncoding(
        quality: encoding.quality, subsampling: recipe.subsampling, iccProfile: plan.color.embeddedProfile))
  }
}

extension PreparationError {
  static func overBudget(_ bytes: Int, _ maxBytes: Int) -> PreparationError {
    PreparationError(
      .overBudget, stage: .encode, "the smallest try takes \(bytes) bytes, more than the budget of \(maxBytes)",
      remedy: "raise --max-bytes, or lower --max-side or --quality")
  }
}

extension ColorPlan {
  /// What a PNG says about its colors.
  fileprivate func pngColor(_ recipe: Recipe) -> PNGEncoder.Color {
    switch self {
    case .tagged(let profile): .profile(profile)
    case .converted, .convertedFirst: .srgb
    case .untouched: recipe.isData || recipe.profile == .ignore ? .unspecified : .srgb
    }
  }
}

extension RowSink {
  /// An encoder for results that need nothing but to be encoded; nil where the whole image is needed first.
  fileprivate init?(
    plan: PreparationPlan, recipe: Recipe, encoding: PreparationRun.Encoding, cancellation: CancellationFlag?
  ) throws(PreparationError) {
    let (layout, size) = (plan.planes[0].layout, plan.outputSize)
    if let subsampling = plan.encodedPlanes, plan.isUpright {
      self = .planes(try JPEGPlaneEncoder(plan: plan, quality: encoding.quality, subsampling: subsampling))
    } else if plan.encodesRows, encoding.format == .png, !layout.channels.hasAlpha || recipe.background == nil {
      let encoder = PNGEncoder(
        compression: encoding.compression, instructionSet: plan.instructionSet, threads: recipe.threads,
        cancellation: cancellation)
      guard
        let stream = PNGRowStream(encoder, size: size, channels: layout.channels, color: plan.color.pngColor(recipe))
      else { return nil }
      self = .png(stream)
    } else if plan.encodesRows, encoding.format != .png, layout.channels == .rgb || layout.channels == .gray {
      let encoder = try JPEGEncoder(
        size: size, channels: layout.channels,
        encoding: JPEGEncoding(
          quality: encoding.quality, subsampling: recipe.subsampling, iccProfile: plan.color.embeddedProfile))
      self = .jpeg(JPEGRowStream(encoder))
    } else {
      return nil
    }
  }
}

extension DecodingDamage {
  /// What the user should know.
  fileprivate var notes: [String] {
    if let row = firstFilledRow { return ["the source is damaged: rows from \(row) on were filled"] }
    return warningCount > 0 ? ["the codec warned: \(firstWarning ?? "")"] : []
  }
}
