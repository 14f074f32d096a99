/// One image on its way through the plan: decoded and resized in one streaming pass, then turned, converted and encoded
/// as the small image it has become.
struct PreparationPass {
  /// The prepared pixels: upright, in their final colors, 8 bits, on their canvas.
  private(set) var raster: Raster

  private let source: ImageDescription
  private let recipe: Recipe
  private let plan: PreparationPlan
  /// The profile that the result carries.
  private var keptProfile: [UInt8]?
  private var clock = StageClock()
  private var notes: [String]

  /// Opens the source, decides, and does everything but encode.
  init(
    _ imageSource: ImageSource, recipe: Recipe, instructionSet: InstructionSet, cancellation: CancellationFlag?
  ) throws(PreparationError) {
    try recipe.refuseUnavailable()
    clock.enter(.open)
    var limits = DecodingLimits()
    limits.maxPixels = recipe.maxInputPixels
    limits.maxMemory = recipe.maxMemory
    let decoder = try SourceDecoder(
      opening: imageSource, limits: limits, policy: recipe.failOn, cancellation: cancellation)
    source = decoder.description
    plan = try PreparationPlan(
      source: source, codecBytes: decoder.wholeImageBytes, recipe: recipe, instructionSet: instructionSet)
    self.recipe = recipe
    notes = source.notes + plan.notes

    clock.enter(.decode)
    raster = Raster(
      size: plan.resampling.output, channels: plan.layout.channels, bitDepth: plan.layout.bitDepth)
    var resampler = RowResampler(
      plan: plan.resampling, layout: plan.layout, scale: plan.scale, kernels: KernelTable(instructionSet))
    let damage = try decoder.resample(
      with: &resampler, denominator: Int(1 / plan.decoderScale), into: &raster, clock: &clock,
      cancellation: cancellation)
    notes += damage.notes(of: source)

    clock.enter(.orient)
    raster = source.orientation.upright(raster)
    clock.enter(.color)
    convertColors()
    finishChannels()
    clock.enter(nil)
    if cancellation?.isCanceled == true { throw .canceled(.color) }
    if source.hasGPS { notes.append("stripped GPS") }
    if source.isAnimated { notes.append("only the default image of the animation was taken") }
  }

  /// Colors to sRGB, or the profile to the result.
  private mutating func convertColors() {
    let handling = recipe.isData ? .ignore : recipe.profile
    if raster.channels == .cmyk {
      convertInks()
    } else if let profile = source.iccProfile {
      switch handling {
      case .ignore: notes.append("the embedded color profile was ignored")
      case .keep: keptProfile = profile
      case .convert: convert(from: profile)
      }
    } else if handling == .convert, let ignored = source.pngColor?.ignoredTag {
      notes.append("the file's \(ignored) was not applied")
    }
  }

  private mutating func convert(from profile: [UInt8]) {
    do throws(ProfileConversion.Refusal) {
      let conversion = try ProfileConversion(profile: profile, channels: raster.channels, bitDepth: raster.bitDepth)
      raster = conversion.convert(raster)
      notes.append("converted from \(source.iccProfileName ?? "an unnamed profile") to sRGB")
    } catch {
      if error == .unusable { notes.append("the embedded color profile is unusable and was ignored") }
    }
  }

  /// Inks become sRGB in any case: neither PNG nor the models have inks.
  private mutating func convertInks() {
    if let profile = source.iccProfile,
      let conversion = try? ProfileConversion(profile: profile, channels: .cmyk, bitDepth: raster.bitDepth)
    {
      raster = conversion.convert(raster)
      notes.append("converted from \(source.iccProfileName ?? "an unnamed CMYK profile") to sRGB")
      return
    }
    // CGATS TR 001 (SWOP coated), the default of Adobe's applications; CC0, github.com/saucecontrol/Compact-ICC-Profiles.
    guard
      let conversion = try? ProfileConversion(
        profile: PackageResources.CGATS001Compat_v2_micro_icc, channels: .cmyk, bitDepth: raster.bitDepth)
    else { preconditionFailure("the bundled CMYK profile is unreadable") }
    raster = conversion.convert(raster)
    notes.append("CMYK without a usable profile was taken as CGATS TR 001 (SWOP)")
  }

  /// Depth, alpha and canvas.
  private mutating func finishChannels() {
    raster = raster.roundedToBytes()
    if raster.channels.hasAlpha {
      if raster.isOpaque {
        raster = raster.withoutAlpha()
      } else if let background = recipe.background {
        raster = raster.flattened(on: background)
      } else if recipe.format == .jpeg {
        raster = raster.flattened(on: .white)
        notes.append("transparency was flattened on white, because a JPEG has none")
      }
    }
    let geometry = plan.geometry
    let fill = recipe.background ?? (recipe.format == .jpeg ? .white : nil)
    raster = raster.padded(to: geometry.canvas, x: geometry.contentX, y: geometry.contentY, background: fill)
  }

  /// Encodes the raster and tells the whole story.
  mutating func encoded() throws(PreparationError) -> PreparedImage {
    clock.enter(.encode)
    var format = ImageDescription.Format.png
    var bytes: [UInt8]
    switch recipe.format {
    case .png: bytes = try encodedPNG()
    case .jpeg: (format, bytes) = (.jpeg, try encodedJPEG())
    case .auto:
      if raster.channels.hasAlpha {
        bytes = try encodedPNG()
        notes.append("PNG, because the image is transparent")
      } else {
        (format, bytes) = (.jpeg, try encodedJPEG())
        if raster.isFlat {
          let png = try encodedPNG()
          if png.count < bytes.count {
            (format, bytes) = (.png, png)
            notes.append("PNG, because it is smaller for this flat illustration")
          }
        }
      }
    }
    let isJPEG = format == .jpeg
    let subsampling = raster.channels == .gray ? "gray" : recipe.subsampling == .yuv420 ? "4:2:0" : "4:4:4"
    return PreparedImage(
      bytes: bytes, format: format, size: raster.size, quality: isJPEG ? recipe.quality : nil,
      subsampling: isJPEG ? subsampling : nil, sha256: ContentDigest.sha256(of: bytes), source: source, plan: plan,
      geometry: plan.geometry, timings: clock.timings(), notes: notes)
  }

  private func encodedPNG() throws(PreparationError) -> [UInt8] {
    let isTagged = !recipe.isData && recipe.profile != .ignore
    return try raster.encodedPNG(
      compression: recipe.compression,
      color: keptProfile.map { .profile($0) } ?? (isTagged ? .srgb : .unspecified))
  }

  private func encodedJPEG() throws(PreparationError) -> [UInt8] {
    try raster.encodedJPEG(
      JPEGEncoding(quality: recipe.quality, subsampling: recipe.subsampling, iccProfile: keptProfile))
  }
}

extension Recipe {
  /// Refuses what is not built yet, rather than ignore it.
  fileprivate func refuseUnavailable() throws(PreparationError) {
    let what: String
    if maxBytes != nil {
      what = "a byte budget"
    } else if metadata == .keep {
      what = "keeping metadata"
    } else {
      return
    }
    throw PreparationError(
      .invalidRecipe, stage: .encode, "\(what) is not available in this version", remedy: "leave it out")
  }
}

extension PNGColor {
  /// The name of a color tag that is not honored and that changes colors; nil where sRGB is what the file means.
  fileprivate var ignoredTag: String? {
    if codePoints.map({ $0.transfer != 13 || $0.primaries != 1 }) == true { return "cICP color space" }
    guard srgbIntent == nil, codePoints == nil else { return nil }
    // sRGB is 1/2.2 to within the tolerance that the PNG specification itself uses for comparing gammas (0.05).
    return gamma.map { abs($0 * 2.2 - 1) > 0.05 } == true ? "gAMA" : nil
  }
}

extension DecodingDamage {
  /// What the user should know.
  fileprivate func notes(of source: ImageDescription) -> [String] {
    if let row = firstFilledRow { return ["the source is damaged: rows from \(row) on were filled"] }
    return warningCount > 0 ? ["the codec warned: \(firstWarning ?? "")"] : []
  }
}
