import ImagePreparation

/// Makes what FLUX.1 takes of any photograph: sides that fit, no more than an upload holds, and planes for a local model.
func preparedForFlux(_ path: String) async throws -> PreparedImage {
  let recipe = Recipe(
    size: .longestSide(1536, sides: .model(.flux1Dev)), output: .auto(budget: .bytes(3_500_000)))
  let image = try await ImagePreparer().prepare(.file(path), as: recipe, tensor: .diffusers)
  for note in image.notes { print("\(path): \(note)") }
  return image
}
