import ImagePreparation

/// Makes what FLUX.1 takes of any photograph: sides that fit, no more than an upload holds, and planes for a local model.
func preparedForFlux(_ path: String) throws(PreparationError) -> PreparedImage {
  var recipe = Recipe()
  recipe.sizing = ModelSizing(named: "flux.1-dev")
  recipe.maxBytes = 3_500_000
  recipe.tensor = .diffusers
  let image = try ImagePreparer().prepare(.file(path), recipe: recipe)
  for note in image.notes { print("\(path): \(note)") }
  return image
}
