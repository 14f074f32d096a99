internal import Ground
internal import ImagePreparation

// An uploaded image has 8 bits per sample, because models take no others.
extension Recipe {
  /// This recipe for an uploaded image.
  var sent: Recipe {
    var recipe = self
    recipe.output = output.withBits(.eight)
    return recipe
  }

  /// Refuses settings that an uploaded image cannot have.
  ///
  /// - Throws: A ``PipelineError`` with the code `invalid-order`.
  func checkSent() throws(PipelineError) {
    guard output.bits == .sixteen else { return }
    throw PipelineError(
      .invalidOrder, stage: .submit, "an image that is sent has 8 bits per sample, which is what models take, not 16",
      remedy: "ask for 8")
  }
}
