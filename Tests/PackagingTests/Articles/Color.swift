import ImagePreparation

/// Prepares a texture: colors become sRGB and are resized in linear light; data is not changed by a color conversion.
func preparedTexture(_ path: String, isNormalMap: Bool) async throws -> PreparedImage {
  let recipe = Recipe(samples: isNormalMap ? .data : .color(linear: true), output: .png())
  return try await ImagePreparer().prepare(.file(path), as: recipe)
}

/// Keeps the colors of a photograph in their own space, for a reader that honors profiles.
func preparedInItsOwnSpace(_ path: String) async throws -> PreparedImage {
  try await ImagePreparer().prepare(.file(path), as: Recipe(samples: .color(profile: .keep)))
}
