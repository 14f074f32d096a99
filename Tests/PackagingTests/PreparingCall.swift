import ImagePreparation

/// A crop that keeps the subject of a photograph and fits into an upload; nil for a file of more than 100 megapixels.
func crop(of photograph: String) async throws -> PreparedImage? {
  let preparer = ImagePreparer(limits: Limits(maxPixels: 100_000_000, threads: 1))
  let recipe = Recipe(
    size: .box(1024, 768, .cover, gravity: .attention),
    output: .jpeg(quality: 88, subsampling: .yuv444, budget: .bytes(3_500_000)))
  do {
    return try await preparer.prepare(.file(photograph), as: recipe)
  } catch let error as PreparationError where error.code == .tooManyPixels {
    print("\(photograph): \(error.message); \(error.remedy)")
    return nil
  }
}
