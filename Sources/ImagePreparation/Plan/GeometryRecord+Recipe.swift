extension GeometryRecord {
  /// Resolves a recipe's sizes for one source: the part that is kept, its size in the result, the canvas and the place on it.
  ///
  /// - Parameters:
  ///   - source: The upright source's size.
  ///   - orientation: The orientation of the stored rows, which goes into the record.
  ///   - recipe: The recipe.
  ///   - trimmed: The part of the source that counts as the whole; nil for all of it.
  ///   - attention: The saliency of that part; nil to take the middle for ``Gravity/attention``.
  /// - Returns: The record, and notes for the user.
  /// - Throws: `invalidRecipe` of stage `resize` for invalid sizes.
  package static func resolve(
    source: ImageSize, orientation: Orientation, recipe: Recipe, trimmed: SourceRect? = nil, attention: Attention? = nil
  ) throws(PreparationError) -> (record: GeometryRecord, notes: [String]) {
    let fitting: Recipe.Fitting
    switch recipe.size {
    case .fitted(let value): fitting = value
    case .matching(var record):
      try record.check()
      guard record.source == source else {
        throw PreparationError(
          .invalidRecipe, stage: .resize, "the image is \(source), and the one it belongs to is \(record.source)",
          remedy: "give images of the same size")
      }
      record.orientation = orientation
      return (record, [])
    }
    if let trimmed {
      let part = ImageSize(width: Int(trimmed.width), height: Int(trimmed.height))
      var inside = recipe
      var within = fitting
      within.gravity = fitting.gravity.within(trimmed, of: source)
      inside.size = .fitted(within)
      var (record, notes) = try resolve(source: part, orientation: orientation, recipe: inside, attention: attention)
      record.source = source
      record.crop.x += trimmed.x
      record.crop.y += trimmed.y
      return (record, ["trimmed to the \(part) pixels that are not transparent"] + notes)
    }
    try fitting.check()
    let model = fitting.model
    let maxPixels = min(fitting.maxPixels ?? .max, model?.maxPixels ?? .max)
    var cap = maxPixels
    var target: FittedSize
    repeat {
      target = FittedSize(source: source, fitting, maxPixels: maxPixels)
      target.shrink(toPixels: cap)
      if let model { target.raise(for: model) }
      try target.snap()
      // Rounding up to a multiple may exceed the cap; then a smaller cap is tried.
      cap -= max(1, min(target.canvas.pixelCount / 64, cap / 32))
    } while target.canvas.pixelCount > maxPixels && cap > 0
    try model?.check(target.canvas)
    guard target.canvas.pixelCount <= maxPixels else {
      throw PreparationError(
        .invalidRecipe, stage: .resize, "multiples of \(fitting.multiple.unit) do not fit in \(maxPixels) pixels",
        remedy: .either(.raise(.resultPixels), or: .lower([.multiple])))
    }
    return (target.record(orientation: orientation, attention: attention), target.notes)
  }
}
