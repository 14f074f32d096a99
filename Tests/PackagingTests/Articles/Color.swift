import ImagePreparation

/// Prepares a texture: colors become sRGB and are resized as light, data stays what it is.
func preparedTexture(_ path: String, isNormalMap: Bool) throws(PreparationError) -> PreparedImage {
  var recipe = Recipe()
  recipe.format = .png
  recipe.linear = !isNormalMap
  recipe.isData = isNormalMap
  return try ImagePreparer().prepare(.file(path), recipe: recipe)
}

/// Keeps the colors of a photograph in their own space, for a reader that honors profiles.
func preparedInItsOwnSpace(_ path: String) throws(PreparationError) -> PreparedImage {
  var recipe = Recipe()
  recipe.profile = .keep
  return try ImagePreparer().prepare(.file(path), recipe: recipe)
}
