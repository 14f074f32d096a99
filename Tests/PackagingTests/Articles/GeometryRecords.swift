import ImagePreparation

/// Sends the middle of a picture to be painted over, and puts the result back at its place in the picture.
func repainted(
  _ path: String, by paint: (PreparedImage) async throws -> [UInt8]
) async throws -> PixelImage<UInt8> {
  let preparer = ImagePreparer()
  let prepared = try await preparer.prepare(.file(path), as: Recipe(size: .box(512, 512, .cover)))
  if let center = prepared.geometry.sourcePoint(x: 256, y: 256) { print("the middle was at \(center)") }
  return try await preparer.restore(.memory(try await paint(prepared)), onto: prepared.geometry)
}

/// Prepares a depth map pixel on pixel with the photograph it belongs to.
func preparedDepth(_ path: String, of photograph: PreparedImage) async throws -> PreparedImage {
  let recipe = Recipe(size: .matching(photograph.geometry), samples: .data, output: .png())
  return try await ImagePreparer().prepare(.file(path), as: recipe)
}
