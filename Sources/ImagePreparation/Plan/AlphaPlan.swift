/// What happens to transparency, on every path: the one place where that is decided.
///
/// Alpha that turns out to be opaque everywhere is left out of every result; all else here is for images that are not.
struct AlphaPlan: Sendable, Equatable {
  /// True when decoded rows have an alpha channel.
  let isDecoded: Bool
  /// True when alpha weighs the colors in the resize: they are premultiplied on the way in.
  let premultiplies: Bool
  /// What becomes of alpha in the result.
  let result: AlphaHandling
  /// What the user is told where that changes a pixel.
  let note: String?
  /// What padding is filled with; nil for transparent padding.
  let padding: BackgroundColor?
  /// What becomes of alpha in the tensor.
  let tensor: AlphaHandling

  /// Decides.
  ///
  /// - Parameter format: The format that is asked for.
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
