extension Recipe {
  /// What the samples of an image mean.
  public enum Samples: Sendable, Equatable {
    /// Colors: with an embedded color profile handled, and resampled in linear light or as they are coded.
    case color(profile: ProfileHandling = .convert, linear: Bool = false)
    /// Data such as normal maps: no conversion of color or light at all, and every channel resized on its own, also one that is
    /// stored as alpha. A JPEG leaves that one out, unless there is a ``Recipe/background``.
    case data
  }

  /// What happens to an embedded color profile.
  public enum ProfileHandling: String, Sendable, CaseIterable {
    /// Colors are converted to sRGB and the profile is dropped.
    case convert
    /// Samples stay as they are and the profile is embedded in the result.
    case keep
    /// Samples stay as they are and the profile is dropped.
    case ignore
  }
}

extension Recipe.Samples {
  /// True for data.
  var isData: Bool { self == .data }

  /// True when samples are mixed as light.
  var isLinear: Bool { if case .color(_, let linear) = self { linear } else { false } }

  /// What happens to an embedded color profile; that of data means nothing.
  var profile: Recipe.ProfileHandling { if case .color(let profile, _) = self { profile } else { .ignore } }
}
