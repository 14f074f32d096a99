/// The decision about the colors of one image.
enum ColorPlan: Sendable {
  /// Samples are not converted: they are sRGB or untagged, or the recipe asks for none.
  case untouched
  /// Samples are not converted, and the result carries the profile.
  case tagged([UInt8])
  /// Samples are converted to sRGB, on the small image after the resize.
  case converted(ProfileConversion)
  /// Samples are converted to sRGB row by row before the resize.
  case convertedFirst(ProfileConversion)

  /// Makes the decision, with notes for the user.
  ///
  /// The first usable description counts: code points (cICP chunk of a PNG, nclx property of HEIC and AVIF), embedded profile, sRGB chunk,
  /// gAMA with cHRM chunks (the order of the PNG specification, third edition, 4.3), then EXIF (``EXIFColor/declaration``). A description
  /// that cannot be used is skipped with a note, and so is EXIF that contradicts the description that counts.
  static func make(
    source: ImageDescription, channels: RowLayout.Channels, recipe: Recipe, kernels: KernelTable
  ) -> (plan: ColorPlan, notes: [String]) {
    if channels == .cmyk { return inks(source, kernels) }
    let makes = { (space: DescribedColorSpace) throws(ProfileConversion.Refusal) in
      try ProfileConversion(space: space, channels: channels, bitDepth: source.decodedBits, kernels: kernels)
    }
    switch recipe.samples.profile {
    case .keep:
      // A profile of gray does not fit a result of three channels.
      let isGray = channels == .gray || channels == .grayAlpha
      guard source.profileMismatch == nil, !isGray || recipe.output.format.only?.holdsGray != false else { break }
      let profile = source.iccProfile ?? described(source)?.profile(channels: channels)
      return (profile.map(ColorPlan.tagged) ?? .untouched, [])
    case .ignore:
      return (.untouched, source.iccProfile == nil ? [] : ["the embedded color profile was ignored"])
    case .convert: break
    }
    var notes: [String] = []
    if let points = source.pngColor?.codePoints {
      let carrier = source.format == .png ? "cICP chunk" : "nclx property"
      if let space = DescribedColorSpace(points) {
        return plan(try? makes(space), "the color space of its \(carrier)", "the \(carrier)", source, notes)
      }
      notes.append("the color space of its \(carrier) (\(points.name)) is not supported and was not applied")
    }
    if let profile = source.iccProfile {
      do throws(ProfileConversion.Refusal) {
        let conversion = try ProfileConversion(
          profile: profile, channels: channels, bitDepth: source.decodedBits, kernels: kernels)
        if let mismatch = source.profileMismatch { notes.append("\(mismatch): only its tone curve was used") }
        return plan(conversion, source.iccProfileName ?? "an unnamed profile", "the embedded profile", source, notes)
      } catch {
        let mismatch = source.profileMismatch
        if error == .isSRGB {
          if let mismatch { notes.append("\(mismatch): only its tone curve was used") }
          return plan(nil, "", "the embedded profile", source, notes)
        }
        notes.append(
          mismatch.map { "\($0), and was ignored" } ?? "the embedded color profile is unusable and was ignored")
      }
    }
    if let color = source.pngColor {
      if color.srgbIntent != nil { return plan(nil, "", "the sRGB chunk", source, notes) }
      if color.gamma != nil || color.chromaticities != nil {
        if let space = DescribedColorSpace(gamma: color.gamma, chromaticities: color.chromaticities) {
          let name = "the colors of its gAMA and cHRM chunks"
          return plan(try? makes(space), name, "its gAMA and cHRM chunks", source, notes)
        }
        notes.append("its gAMA and cHRM chunks make no sense and were ignored")
      }
    }
    guard let exif = source.exifColor, let declaration = exif.declaration else { return (.untouched, notes) }
    if let contradiction = exif.contradiction { notes.append(contradiction) }
    guard let space = declaration.space else { return (.untouched, notes) }
    return plan(try? makes(space), "the \(declaration.name) that its EXIF declares", nil, source, notes)
  }

  /// The color space of a file without a profile; nil for sRGB.
  private static func described(_ source: ImageDescription) -> DescribedColorSpace? {
    if let color = source.pngColor {
      if let space = color.codePoints.flatMap({ DescribedColorSpace($0) }) { return space }
      if color.srgbIntent != nil { return nil }
      if let space = DescribedColorSpace(gamma: color.gamma, chromaticities: color.chromaticities) { return space }
    }
    return source.exifColor?.declaration?.space
  }

  /// The plan of a conversion, or of sRGB for nil. `believed` is the description that overrides EXIF; nil if EXIF counts.
  private static func plan(
    _ conversion: ProfileConversion?, _ name: String, _ believed: String?, _ source: ImageDescription, _ notes: [String]
  ) -> (ColorPlan, [String]) {
    var notes = notes
    if let believed, let exif = source.exifColor?.declaration, (exif == .srgb) != (conversion == nil) {
      notes.append("the color space of \(believed) was believed, not the \(exif.name) of its EXIF")
    }
    guard let conversion else { return (.untouched, notes) }
    if conversion.changesTransfer, conversion.isInPlace {
      return (.convertedFirst(conversion), notes + ["converted from \(name) to sRGB, before the resize"])
    }
    return (.converted(conversion), notes + ["converted from \(name) to sRGB"])
  }

  /// The decision for inks, which are always converted to sRGB: neither PNG nor the models have inks.
  private static func inks(_ source: ImageDescription, _ kernels: KernelTable) -> (ColorPlan, [String]) {
    let bitDepth = source.decodedBits
    if let profile = source.iccProfile,
      let conversion = try? ProfileConversion(profile: profile, channels: .cmyk, bitDepth: bitDepth, kernels: kernels)
    {
      return (.converted(conversion), ["converted from \(source.iccProfileName ?? "an unnamed CMYK profile") to sRGB"])
    }
    // CGATS TR 001 (SWOP coated), the default of Adobe's applications; CC0, github.com/saucecontrol/Compact-ICC-Profiles.
    guard
      let conversion = try? ProfileConversion(
        profile: PackageResources.CGATS001Compat_v2_micro_icc, channels: .cmyk, bitDepth: bitDepth, kernels: kernels)
    else { preconditionFailure("the bundled CMYK profile is unreadable") }
    let mismatch = source.profileMismatch.map { ["\($0), and was ignored"] } ?? []
    return (.converted(conversion), mismatch + ["CMYK without a usable profile was taken as CGATS TR 001 (SWOP)"])
  }
}

extension ColorPlan {
  /// The conversion on the small image, if there is one.
  var conversionAfterResize: ProfileConversion? {
    if case .converted(let conversion) = self { conversion } else { nil }
  }
  /// The conversion of rows, if there is one.
  var conversionBeforeResize: ProfileConversion? {
    if case .convertedFirst(let conversion) = self { conversion } else { nil }
  }

  /// The profile that the result carries.
  var embeddedProfile: [UInt8]? { if case .tagged(let profile) = self { profile } else { nil } }

  /// The color chunk of a PNG result.
  func pngColor(_ recipe: Recipe) -> PNGEncoder.Color {
    switch self {
    case .tagged(let profile): .profile(profile)
    case .converted, .convertedFirst: .srgb
    case .untouched: recipe.samples.profile == .ignore ? .unspecified : .srgb
    }
  }
}

extension ImageDescription {
  /// The notes that a preparation will have about the colors; empty if they are not converted.
  public func colorNotes(for recipe: Recipe = Recipe()) -> [String] {
    foundColorNotes
      ?? ColorPlan.make(source: self, channels: decodedChannels, recipe: recipe, kernels: KernelTable(.best)).notes
  }
}

extension ImageDescription {
  /// The beginning of a note that the profile is for other channels than the image's; nil if the channels agree or the profile is
  /// unreadable.
  fileprivate var profileMismatch: String? {
    guard let wanted = iccProfile.flatMap(ColorProfile.channels(of:)), wanted != decodedChannels.opaque else {
      return nil
    }
    return "the embedded color profile is for \(wanted.name), and the image is \(decodedChannels.opaque.name)"
  }
}

extension RowLayout.Channels {
  fileprivate var name: String {
    switch self {
    case .gray, .grayAlpha: "gray"
    case .rgb, .rgba: "RGB"
    case .cmyk: "CMYK"
    }
  }
}

extension PNGColor.CodePoints {
  /// A name for people.
  fileprivate var name: String {
    switch transfer {
    case 16: "PQ"
    case 18: "HLG"
    default: "\(primaries)-\(transfer)-\(matrix)"
    }
  }
}
