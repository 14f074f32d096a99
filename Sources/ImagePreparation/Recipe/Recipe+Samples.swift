extension Recipe {
  /// The meaning of an image's samples.
  public enum Samples: Sendable, Equatable {
    /// Colors, with a rule for an embedded color profile, resampled in linear light or in encoded samples.
    case color(profile: ProfileHandling = .convert, linear: Bool = false)
    /// Data such as normal maps: colors are not converted, nothing is linearized, and every channel is resized on its own, also a
    /// channel stored as alpha. A JPEG leaves that channel out, unless there is a ``Recipe/background``.
    case data
  }

  /// The handling of an embedded color profile.
  public enum ProfileHandling: String, Sendable, CaseIterable {
    /// Colors are converted to sRGB and the profile is dropped.
    case convert
    /// Samples are not converted, and the profile is embedded in the result.
    case keep
    /// Samples are not converted, and the profile is dropped.
    case ignore
  }
}

extension Recipe.Samples {
  /// True for data.
  var isData: Bool { self == .data }

  /// True when samples are mixed in linear light.
  var isLinear: Bool { if case .color(_, let linear) = self { linear } else { false } }

  /// The handling of an embedded color profile; a profile of data is ignored.
  var profile: Recipe.ProfileHandling { if case .color(let profile, _) = self { profile } else { .ignore } }

  /// These samples, resampled as they are coded.
  var asCoded: Recipe.Samples {
    switch self {
    case .color(let profile, _): .color(profile: profile)
    case .data: .data
    }
  }
}
