/// What had to be found out by reading a source before its pass: where it is trimmed, and what stands out.
struct SourceProbe {
  /// The part of the upright source that is not transparent; nil for all of it.
  var trimmed: GeometryRecord.SourceRect?
  /// What stands out of that part; nil where nothing is cropped by it.
  var attention: Attention?

  /// Finds what a recipe needs, which for most is nothing.
  ///
  /// - Throws: A ``PreparationError``; `invalidRecipe` for a source that can be read only once.
  init(
    of source: RepeatableSource, recipe: Recipe, limits: DecodingLimits, instructionSet: InstructionSet,
    cancellation: CancellationFlag?
  ) throws(PreparationError) {
    // What is kept is known already.
    guard recipe.geometry == nil else { return }
    if recipe.trim {
      try source.check("trimming", without: "--trim")
      trimmed = try VisibleBounds.find(
        in: source.input, limits: limits, policy: recipe.failOn, cancellation: cancellation)
      try source.rewind()
    }
    guard recipe.gravity == .attention else { return }
    try source.check("an attention crop", without: "--gravity attention")
    let description = try SourceDecoder(opening: source.input, limits: limits, cancellation: cancellation).description
    try source.rewind()
    let record = try GeometryRecord.resolve(
      source: description.size, orientation: description.orientation, recipe: recipe, trimmed: trimmed
    ).record
    let width = trimmed?.width ?? Double(record.source.width)
    let height = trimmed?.height ?? Double(record.source.height)
    guard record.crop.width < width || record.crop.height < height else { return }

    var small = recipe
    small.box = nil
    small.sizing = nil
    small.multipleOf = 1
    small.maxPixels = nil
    small.maxSide = Attention.side
    small.gravity = .center
    small.enlarge = false
    small.filter = .lanczos3
    small.linear = false
    small.effort = .balanced
    small.metadata = .none
    small.tensor = nil
    // Without transparency, on a color that neither black nor white is lost on.
    small.format = .jpeg
    small.background = BackgroundColor(red: 128, green: 128, blue: 128)
    var pass = try PreparationRun(
      source, recipe: small, instructionSet: instructionSet, cancellation: cancellation, wantsPixels: true,
      survey: SourceProbe(trimmed: trimmed))
    attention = Attention(pass.finishedRaster())
    try source.rewind()
  }

  private init(trimmed: GeometryRecord.SourceRect?) { self.trimmed = trimmed }
}
