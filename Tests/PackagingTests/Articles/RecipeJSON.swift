import Foundation
import ImagePreparation

/// Reads a recipe; what this version does not know, or what has no meaning, is refused by name.
func recipe(json: String) throws -> Recipe {
  try JSONDecoder().decode(Recipe.self, from: Data(json.utf8))
}

/// The JSON of a recipe, which is the same for equal recipes, to be compared or hashed.
func canonicalJSON(_ recipe: Recipe) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(recipe), as: UTF8.self)
}
