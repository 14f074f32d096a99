extension Recipe {
  /// This recipe for an image that is to lie on a prepared one, pixel by pixel: all of it holds but its sizes.
  ///
  /// - Parameter geometry: Where the prepared image's pixels lie in its source.
  package func lying(on geometry: GeometryRecord) -> Recipe {
    var recipe = self
    recipe.geometry = geometry
    // A budget would change the size.
    recipe.maxBytes = nil
    recipe.tensor = nil
    return recipe
  }

  /// The recipe of a mask that is to lie on a prepared image: shares of white, not colors. What is transparent is black, and so is
  /// padding.
  ///
  /// - Parameters:
  ///   - geometry: Where the prepared image's pixels lie in its source.
  ///   - other: The recipe of that image, whose limits hold; nothing else of it has a meaning for shares.
  package static func mask(on geometry: GeometryRecord, limitsOf other: Recipe) -> Recipe {
    var recipe = Recipe(limitsOf: other)
    recipe.geometry = geometry
    recipe.isData = true
    // The mean over a pixel's area is the share of it that is painted anew.
    recipe.filter = .box
    recipe.effort = .best
    recipe.format = .png
    recipe.background = BackgroundColor(red: 0, green: 0, blue: 0)
    return recipe
  }
}
