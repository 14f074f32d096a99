extension Recipe {
  /// This recipe for an image that is to lie on a prepared one, pixel by pixel: all of it holds but its sizes.
  ///
  /// - Parameter geometry: Where the prepared image's pixels lie in its source.
  package func matching(_ geometry: GeometryRecord) -> Recipe {
    var recipe = self
    recipe.size = .matching(geometry)
    // A budget would change the size.
    recipe.output = output.withoutBudget
    return recipe
  }

  /// The recipe of a mask that is to lie on a prepared image: shares of white, not colors. What is transparent is black, and so is
  /// padding.
  ///
  /// - Parameters:
  ///   - geometry: Where the prepared image's pixels lie in its source.
  ///   - failOn: How damaged the mask may be.
  package static func mask(matching geometry: GeometryRecord, failOn: DamagePolicy) -> Recipe {
    // The mean over a pixel's area is the share of it that is painted anew.
    Recipe(
      size: .matching(geometry), samples: .data, resamplingFilter: .box, effort: .best,
      background: BackgroundColor(red: 0, green: 0, blue: 0), output: .png(), failOn: failOn)
  }

  /// The small opaque image in which attention is measured, of a source that is to be prepared like this.
  var forAttention: Recipe {
    // Without transparency, on a color that neither black nor white is lost on.
    Recipe(
      size: .longestSide(Attention.side), samples: samples.asCoded,
      background: BackgroundColor(red: 128, green: 128, blue: 128), output: .jpeg(), failOn: failOn)
  }
}

extension Recipe.Output {
  /// The same without a largest size.
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
  /// The same, resampled as it is coded.
  fileprivate var asCoded: Recipe.Samples {
    switch self {
    case .color(let profile, _): .color(profile: profile)
    case .data: .data
    }
  }
}
