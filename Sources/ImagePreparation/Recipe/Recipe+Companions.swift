extension Recipe {
  /// This recipe for an image that is to lie on a prepared one, pixel by pixel: only its sizes are replaced.
  ///
  /// - Parameter geometry: The geometry record of the prepared image.
  /// - Returns: The recipe, without a byte budget.
  package func matching(_ geometry: GeometryRecord) -> Recipe {
    var recipe = self
    recipe.size = .matching(geometry)
    // A budget may change the size.
    recipe.output = output.withoutBudget
    return recipe
  }

  /// The recipe of a mask that is to lie on a prepared image. Its samples are shares of white, not colors. Transparent areas and
  /// padding become black.
  ///
  /// - Parameters:
  ///   - geometry: The geometry record of the prepared image.
  ///   - failOn: How damaged the mask may be.
  /// - Returns: The recipe.
  package static func mask(matching geometry: GeometryRecord, failOn: DamagePolicy) -> Recipe {
    // Box filter: the mean over a pixel's area is the share of the area that is painted anew.
    Recipe(
      size: .matching(geometry), samples: .data, resamplingFilter: .box, effort: .best,
      background: BackgroundColor(red: 0, green: 0, blue: 0), output: .png(), failOn: failOn)
  }

  /// The recipe of the small opaque image in which attention is measured, for a source that is prepared with this recipe.
  var forAttention: Recipe {
    // Flattened on a gray on which both black and white are visible.
    Recipe(
      size: .longestSide(Attention.side), samples: samples.asCoded,
      background: BackgroundColor(red: 128, green: 128, blue: 128), output: .jpeg(), failOn: failOn)
  }
}

extension Recipe.Output {
  /// This output without a byte budget.
  fileprivate var withoutBudget: Recipe.Output {
    switch self {
    case .auto(let quality, let subsampling, let compression, _):
      .auto(quality: quality, subsampling: subsampling, compression: compression)
    case .jpeg(let quality, let subsampling, _): .jpeg(quality: quality, subsampling: subsampling)
    case .png(let compression, _): .png(compression: compression)
    }
  }
}

extension Recipe.Samples {
  /// These samples, resampled without linear light.
  fileprivate var asCoded: Recipe.Samples {
    switch self {
    case .color(let profile, _): .color(profile: profile)
    case .data: .data
    }
  }
}
