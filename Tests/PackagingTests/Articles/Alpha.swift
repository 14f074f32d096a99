import ImagePreparation

/// Prepares a sprite: trimmed to what shows, flattened on a color of its own.
func preparedSprite(_ path: String, on background: String) async throws -> PreparedImage {
  let recipe = Recipe(size: .longestSide(1536, trim: true), background: BackgroundColor(hex: background))
  return try await ImagePreparer().prepare(.file(path), as: recipe)
}
