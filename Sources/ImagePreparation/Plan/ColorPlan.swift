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
  /// The color chunks of a PNG have the order of precedence of the specification (third edition, 4.3): cICP, iCCP, sRGB, gAMA
  /// with cHRM. A chunk that cannot be used is skipped.
  static func make(
    source: ImageDescription, channels: RowLayout.Channels, recipe: Recipe, kernels: ColorKernels
  ) -> (plan: ColorPlan, notes: [String]) {
    let bitDepth = source.decodedBits
    if channels == .cmyk { return inks(source, bitDepth: bitDepth, kernels) }
    switch recipe.samples.profile {
    case .keep:
      let profile = source.iccProfile ?? source.pngColor.flatMap { described($0)?.profile(channels: channels) }
      return (profile.map(ColorPlan.tagged) ?? .untouched, [])
    case .ignore:
      return (.untouched, source.iccProfile == nil ? [] : ["the embedded color profile was ignored"])
    case .convert: break
    }
    var notes: [String] = []
    if let points = source.pngColor?.codePoints {
      if let space = DescribedColorSpace(points) {
        return described(
          space, "the color space of its cICP chunk", channels: channels, bitDepth: bitDepth, kernels, notes)
      }
      notes.append("the color space of its cICP chunk (\(points.name)) is not supported and was not applied")
    }
    if let profile = source.iccProfile {
      do throws(ProfileConversion.Refusal) {
        let conversion = try ProfileConversion(
          profile: profile, channels: channels, bitDepth: bitDepth, kernels: kernels)
        return plan(conversion, source.iccProfileName ?? "an unnamed profile", notes)
      } catch {
        if error == .isSRGB { return (.untouched, notes) }
        notes.append("the embedded color profile is unusable and was ignored")
      }
    }
    guard let color = source.pngColor, color.srgbIntent == nil else { return (.untouched, notes) }
    guard color.gamma != nil || color.chromaticities != nil else { return (.untouched, notes) }
    guard let space = DescribedColorSpace(gamma: color.gamma, chromaticities: color.chromaticities) else {
      return (.untouched, notes + ["its gAMA and cHRM chunks make no sense and were ignored"])
    }
    return described(
      space, "the colors of its gAMA and cHRM chunks", channels: channels, bitDepth: bitDepth, kernels, notes)
  }

  /// The color space of a file without a profile; nil for sRGB.
  private static func described(_ color: PNGColor) -> DescribedColorSpace? {
    if let space = color.codePoints.flatMap({ DescribedColorSpace($0) }) { return space }
    return color.srgbIntent == nil
      ? DescribedColorSpace(gamma: color.gamma, chromaticities: color.chromaticities) : nil
  }

  private static func described(
    _ space: DescribedColorSpace, _ name: String, channels: RowLayout.Channels, bitDepth: Int, _ kernels: ColorKernels,
    _ notes: [String]
  ) -> (ColorPlan, [String]) {
    guard
      let conversion = try? ProfileConversion(space: space, channels: channels, bitDepth: bitDepth, kernels: kernels)
    else {
      return (.untouched, notes)  // The space is sRGB.
    }
    return plan(conversion, name, notes)
  }

  private static func plan(
    _ conversion: ProfileConversion, _ name: String, _ notes: [String]
  ) -> (ColorPlan, [String]) {
    if conversion.changesTransfer, conversion.isInPlace {
      return (.convertedFirst(conversion), notes + ["converted from \(name) to sRGB, before the resize"])
    }
    return (.converted(conversion), notes + ["converted from \(name) to sRGB"])
  }

  /// The decision for inks, which are always converted to sRGB: neither PNG nor the models have inks.
  private static func inks(_ source: ImageDescription, bitDepth: Int, _ kernels: ColorKernels) -> (ColorPlan, [String])
  {
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
    return (.converted(conversion), ["CMYK without a usable profile was taken as CGATS TR 001 (SWOP)"])
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
  /// The notes that a preparation will have about the colors; empty where they are not converted.
  public func colorNotes(for recipe: Recipe = Recipe()) -> [String] {
    ColorPlan.make(source: self, channels: decodedChannels, recipe: recipe, kernels: ColorKernels(.best)).notes
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
