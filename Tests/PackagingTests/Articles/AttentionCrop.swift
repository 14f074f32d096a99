import ImagePreparation

/// A square thumbnail that keeps the subject.
func thumbnail(_ path: String) async throws -> PreparedImage {
  let recipe = Recipe(size: .box(512, 512, .cover, gravity: .attention))
  return try await ImagePreparer().prepare(.file(path), as: recipe)
}
