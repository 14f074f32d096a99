import ImagePreparation

/// Prepares a sprite: trims it to its visible pixels, and flattens it on a color.
func preparedSprite(_ path: String, on background: String) async throws -> PreparedImage {
  let recipe = Recipe(size: .longestSide(1536, trim: true), background: BackgroundColor(hex: background))
  return try await ImagePreparer().prepare(.file(path), as: recipe)
}
