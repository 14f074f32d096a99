/// What happens to the colors of one image, on the small image after the resize.
enum ColorPlan: Sendable {
  /// Samples stay as they are: sRGB, untagged, or not to be converted.
  case untouched
  /// Samples stay as they are and the result carries the profile.
  case tagged([UInt8])
  /// Samples are converted to sRGB.
  case converted(ProfileConversion)

  /// Decides, and says what a user should know.
  static func make(
    source: ImageDescription, channels: RowLayout.Channels, recipe: Recipe
  ) -> (plan: ColorPlan, notes: [String]) {
    let bitDepth = source.bitDepth == 16 ? 16 : 8
    if channels == .cmyk { return inks(source, bitDepth: bitDepth) }
    let handling = recipe.isData ? .ignore : recipe.profile
    guard let profile = source.iccProfile else {
      let ignored = handling == .convert ? source.pngColor?.ignoredTag : nil
      return (.untouched, ignored.map { ["the file's \($0) was not applied"] } ?? [])
    }
    switch handling {
    case .ignore: return (.untouched, ["the embedded color profile was ignored"])
    case .keep: return (.tagged(profile), [])
    case .convert: break
    }
    do throws(ProfileConversion.Refusal) {
      let conversion = try ProfileConversion(profile: profile, channels: channels, bitDepth: bitDepth)
      return (.converted(conversion), ["converted from \(source.iccProfileName ?? "an unnamed profile") to sRGB"])
    } catch {
      return (.untouched, error == .isSRGB ? [] : ["the embedded color profile is unusable and was ignored"])
    }
  }

  /// Inks become sRGB in any case: neither PNG nor the models have inks.
  private static func inks(_ source: ImageDescription, bitDepth: Int) -> (ColorPlan, [String]) {
    if let profile = source.iccProfile,
      let conversion = try? ProfileConversion(profile: profile, channels: .cmyk, bitDepth: bitDepth)
    {
      return (.converted(conversion), ["converted from \(source.iccProfileName ?? "an unnamed CMYK profile") to sRGB"])
    }
    // CGATS TR 001 (SWOP coated), the default of Adobe's applications; CC0, github.com/saucecontrol/Compact-ICC-Profiles.
    guard
      let conversion = try? ProfileConversion(
        profile: PackageResources.CGATS001Compat_v2_micro_icc, channels: .cmyk, bitDepth: bitDepth)
    else { preconditionFailure("the bundled CMYK profile is unreadable") }
    return (.converted(conversion), ["CMYK without a usable profile was taken as CGATS TR 001 (SWOP)"])
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
