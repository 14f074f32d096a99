import ImagePreparation

/// Prepares a sprite: trimmed to what shows, flattened on a color of its own.
func preparedSprite(_ path: String, on background: String) throws(PreparationError) -> PreparedImage {
  var recipe = Recipe()
  recipe.trim = true
  recipe.background = BackgroundColor(hex: background)
  return try ImagePreparer().prepare(.file(path), recipe: recipe)
}
