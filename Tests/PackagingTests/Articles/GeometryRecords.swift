import ImagePreparation

/// Has the middle of a picture painted over, and puts what came back where it was.
func repainted(
  _ path: String, by paint: (PreparedImage) throws -> [UInt8]
) throws -> PixelImage<UInt8> {
  var recipe = Recipe()
  recipe.box = ImageSize(width: 512, height: 512)
  recipe.fit = .cover
  let prepared = try ImagePreparer().prepare(.file(path), recipe: recipe)
  if let center = prepared.geometry.sourcePoint(x: 256, y: 256) { print("the middle was at \(center)") }
  return try ImagePreparer().restored(.memory(try paint(prepared)), record: prepared.geometry)
}
