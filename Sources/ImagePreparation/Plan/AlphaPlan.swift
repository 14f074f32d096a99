/// The decision about transparency for every path.
///
/// Alpha that turns out to be opaque everywhere is left out of every result; the decisions here are for all other images.
struct AlphaPlan: Sendable, Equatable {
  /// True when decoded rows have an alpha channel.
  let isDecoded: Bool
  /// True when colors are premultiplied before the resize.
  let premultiplies: Bool
  /// The handling of alpha in the result.
  let result: AlphaHandling
  /// The note for the user if this changes a pixel; nil for none.
  let note: String?
  /// The color of padding; nil for transparent padding.
  let padding: BackgroundColor?
  /// The handling of alpha in the tensor.
  let tensor: AlphaHandling

  /// Makes the decision for a result in the requested `format`.
  init(source: ImageDescription, recipe: Recipe, format: Recipe.Output.Format) {
    let linear = recipe.samples.isLinear
    isDecoded = source.decodedChannels.hasAlpha
    premultiplies = isDecoded && !recipe.samples.isData
    padding = recipe.background ?? (format == .jpeg ? .white : nil)
    tensor =
      recipe.samples.isData && recipe.background == nil
      ? .drop : .flatten(recipe.background ?? .white, linear: linear)
    if let background = recipe.background {
      (result, note) = (.flatten(background, linear: linear), nil)
    } else if format != .jpeg {
      (result, note) = (.keep, nil)
    } else if recipe.samples.isData {
      (result, note) = (.drop, "the channel stored as alpha was left out, because a JPEG has none")
    } else {
      (result, note) = (
        .flatten(.white, linear: linear), "transparency was flattened on white, because a JPEG has none"
      )
    }
  }
}
