extension PreparationRun {
  /// What is known of the source, or what a first read finds: for most recipes there is nothing to find.
  ///
  /// - Throws: A ``PreparationError``; `invalidRecipe` for a source that can be read only once.
  func probed() throws(PreparationError) -> SourceProbe {
    if let probe { return probe }
    var probe = SourceProbe()
    // A geometry record says what is kept.
    guard recipe.geometry == nil else { return probe }
    let limits = DecodingLimits(recipe)
    if recipe.trim {
      try source.check("trimming", without: "--trim")
      probe.trimmed = try VisibleBounds.find(
        in: source.input, limits: limits, policy: recipe.failOn, cancellation: cancellation)
      try source.rewind()
    }
    guard recipe.gravity == .attention else { return probe }
    try source.check("an attention crop", without: "--gravity attention")
    let description = try SourceDecoder(opening: source.input, limits: limits, cancellation: cancellation).description
    try source.rewind()
    let record = try GeometryRecord.resolve(
      source: description.size, orientation: description.orientation, recipe: recipe, trimmed: probe.trimmed
    ).record
    let width = probe.trimmed?.width ?? Double(record.source.width)
    let height = probe.trimmed?.height ?? Double(record.source.height)
    guard record.crop.width < width || record.crop.height < height else { return probe }

    var small = PreparationRun(
      source, recipe: .forAttention(recipe), product: .pixels, kernels: kernels, cancellation: cancellation)
    small.probe = probe
    probe.attention = Attention(try small.finished().pixels)
    try source.rewind()
    return probe
  }
}

extension Recipe {
  /// The small opaque image in which attention is measured, of a source that is to be prepared as `recipe` says.
  fileprivate static func forAttention(_ recipe: Recipe) -> Recipe {
    var small = Recipe(limitsOf: recipe)
    small.maxSide = Attention.side
    small.isData = recipe.isData
    small.profile = recipe.profile
    // Without transparency, on a color that neither black nor white is lost on.
    small.format = .jpeg
    small.background = BackgroundColor(red: 128, green: 128, blue: 128)
    return small
  }
}
