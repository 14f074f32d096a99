extension PreparationRun {
  /// The findings of a first read of the source. Most recipes need none.
  ///
  /// - Throws: A ``PreparationError``; `invalidRecipe` for a source that can be read only once.
  func probed() throws(PreparationError) -> SourceProbe {
    if let probe { return probe }
    var probe = SourceProbe()
    // A geometry record already contains the kept part.
    guard case .fitted(let fitting) = recipe.size else { return probe }
    if fitting.trim {
      try source.checkIsReadAgain(for: "trimming", without: .trimming)
      probe.trimmed = try VisibleBounds.find(
        in: source, limits: limits, policy: recipe.failOn, kernels: kernels, cancellation: cancellation)
    }
    guard fitting.gravity == .attention else { return probe }
    try source.checkIsReadAgain(for: "an attention crop", without: .attention)
    let description = try SourceDecoder(opening: source, limits: limits, cancellation: cancellation).description
    let record = try GeometryRecord.resolve(
      source: description.size, orientation: description.orientation, recipe: recipe, trimmed: probe.trimmed
    ).record
    let width = probe.trimmed?.width ?? Double(record.source.width)
    let height = probe.trimmed?.height ?? Double(record.source.height)
    guard record.crop.width < width || record.crop.height < height else { return probe }

    var small = self
    (small.recipe, small.product, small.settled, small.probe) = (recipe.forAttention, .pixels, nil, probe)
    small.admit = { _ in }
    probe.attention = Attention(try small.finished().pixels)
    return probe
  }
}
