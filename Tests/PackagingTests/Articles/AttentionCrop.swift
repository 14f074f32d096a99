import ImagePreparation

/// A square thumbnail that keeps the subject.
func thumbnail(_ path: String) throws -> PreparedImage {
  var recipe = Recipe()
  recipe.box = ImageSize(width: 512, height: 512)
  recipe.fit = .cover
  recipe.gravity = .attention
  return try ImagePreparer().prepare(.file(path), recipe: recipe)
}
