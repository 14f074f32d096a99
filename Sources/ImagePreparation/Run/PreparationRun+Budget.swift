extension PreparationRun {
  /// Runs and encodes. If the file is above the recipe's byte budget, encodes or runs again with smaller targets.
  ///
  /// - Throws: A ``PreparationError``; `overBudget` if the smallest result that the recipe allows is too large.
  func image() throws(PreparationError) -> PreparedImage {
    var finished = try finished()
    let image = try finished.encoded(finished.plan.output.settings)
    guard let budget = finished.plan.output.budget, image.bytes.count > budget.bytes else { return image }
    return try fitted(image, of: consume finished, into: budget)
  }

  /// Searches for settings with which the file is within its budget, and for a size if no settings are enough.
  private func fitted(
    _ tooLarge: PreparedImage, of whole: consuming FinishedImage, into limit: Recipe.Budget
  ) throws(PreparationError) -> PreparedImage {
    // Only one image is kept while a smaller one is made.
    let (wholeSize, encodes) = (whole.plan.outputSize, whole.encodes)
    let first = whole.plan.output.settings
    let isLossy = whole.isLossy(first)
    var finished = whole
    var settings = first
    if first.format != .webp { settings.format = isLossy ? .jpeg : .png }
    var budget = ByteBudget(
      limit: limit.bytes, quality: isLossy ? first.quality : nil, floor: Double(limit.minQuality),
      mayCompress: first.compression != .small, encodes: encodes)
    var image = tooLarge
    var best: PreparedImage?
    var smallest = tooLarge.bytes.count
    var note = ""
    while let attempt = budget.attempt(after: image.bytes.count) {
      if cancellation?.isCanceled == true { throw .canceled(.encode) }
      switch attempt {
      case .quality(let quality):
        settings.quality = quality
        let name = settings.format.encoded(isTransparent: false).name
        note = "\(name) quality was lowered from \(Int(first.quality)) to \(Int(quality.rounded()))"
      case .smallCompression:
        settings.compression = .small
        note = "compressed harder"
      case .scale(let share):
        let least = wholeSize.pixels(withShortestSide: limit.minSide)
        let pixels = max(Int(Double(wholeSize.pixelCount) * share), least)
        guard finished.plan.outputSize.pixelCount > least else {
          throw .overBudget(smallest, limit.bytes, at: finished.plan.outputSize, .shortestSide)
        }
        guard let smaller = try runSmaller(than: finished, pixels: pixels, settings) else {
          throw .overBudget(smallest, limit.bytes, at: finished.plan.outputSize)
        }
        finished = smaller
        note =
          "made smaller, \(smaller.plan.outputSize)\(isLossy ? " at quality \(Int(settings.quality.rounded()))" : "")"
      }
      image = try finished.encoded(settings)
      smallest = min(smallest, image.bytes.count)
      if image.bytes.count <= limit.bytes, image.bytes.count > best?.bytes.count ?? 0 {
        best = image
        best?.notes.append("\(note), to take no more than \(limit.bytes) bytes")
      }
    }
    guard let best else { throw .overBudget(smallest, limit.bytes, at: finished.plan.outputSize) }
    return best
  }

  /// Runs again for no more than `pixels`; nil if the recipe's sizes allow no smaller result.
  private func runSmaller(
    than finished: FinishedImage, pixels: Int, _ settings: OutputPlan.Settings
  ) throws(PreparationError) -> FinishedImage? {
    guard !source.isReadOnce else {
      throw PreparationError(
        .overBudget, stage: .encode, "it takes too many bytes at this size, and the source can be read only once",
        remedy: .either("read it into memory or a file first", or: .lower([.longestSide])))
    }
    guard case .fitted(var fitting) = recipe.size else { return nil }
    fitting.maxPixels = min(fitting.maxPixels ?? .max, pixels)
    var run = self
    run.recipe.size = .fitted(fitting)
    (run.settled, run.probe, run.clock) = (settings, finished.probe, finished.clock)
    do throws(PreparationError) {
      let smaller = try run.finished()
      return smaller.plan.outputSize.pixelCount < finished.plan.outputSize.pixelCount ? smaller : nil
    } catch {
      if error.code == .invalidRecipe { return nil }
      throw error
    }
  }
}

extension ImageSize {
  /// The pixels of an image of this shape that has a shortest side.
  fileprivate func pixels(withShortestSide side: Int) -> Int {
    let scale = Double(side) / Double(min(width, height))
    return Int((Double(pixelCount) * scale * scale).rounded(.up))
  }
}

extension PreparationError {
  /// The error of a budget that cannot be met; `floor` is the setting that ended the search.
  fileprivate static func overBudget(
    _ bytes: Int, _ maxBytes: Int, at size: ImageSize, _ floor: Remedy.Setting? = nil
  ) -> PreparationError {
    PreparationError(
      .overBudget, stage: .encode,
      "the smallest try takes \(bytes) bytes at \(size), more than the budget of \(maxBytes)",
      remedy: .either(.raise(.resultBytes, atLeast: bytes), or: .lower(floor.map { [$0] } ?? [.longestSide, .quality])))
  }
}
