extension Recipe.Size {
  /// Refuses invalid sizes.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func check() throws(PreparationError) { if case .fitted(let fitting) = self { try fitting.check() } }
}

extension Recipe.Output {
  /// Refuses an invalid output.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func check() throws(PreparationError) {
    if let budget {
      if budget.bytes < 1 { throw .refused("a budget of \(budget.bytes) bytes is out of range", "use 1 or more") }
      if budget.minSide < 1 { throw .refused("a shortest side of \(budget.minSide) is out of range", "use 1 or more") }
      if !(1...100).contains(budget.minQuality) {
        throw .refused("a lowest quality of \(budget.minQuality) is out of range", "use 1 to 100")
      }
    }
    if let quality, !(1...100).contains(quality) {
      throw .refused("a quality of \(quality) is out of range", "use 1 to 100")
    }
  }
}

extension Recipe.Fitting {
  /// Checks the sizes.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func check() throws(PreparationError) {
    let sides = 1...65_500
    switch target {
    case .longestSide(let side, _) where !sides.contains(side):
      throw .refused("a longest side of \(side) is out of range", "use 1 to 65500")
    case .box(let box, _, _) where !sides.contains(box.width) || !sides.contains(box.height):
      throw .refused("a box of \(box) is out of range", "use sides of 1 to 65500")
    case .original, .longestSide, .box: break
    }
    if case .focus(let x, let y) = gravity, !(0...1).contains(x) || !(0...1).contains(y) {
      throw .refused("a focus of \(x), \(y) is out of range", "use shares of 0 to 1")
    }
    if let maxPixels, maxPixels < 1 { throw .refused("a cap of \(maxPixels) pixels is out of range", "use 1 or more") }
    if let model, !model.hasMeaning {
      throw .refused(
        "the sizes that \(model.name) takes contradict themselves",
        "use a multiple of 1 to 4096, a shortest side that is not above the longest, of 65500 or less, and 1 or more pixels"
      )
    }
    if !(1...4096).contains(multiple.unit) {
      throw .refused("a multiple of \(multiple.unit) is out of range", "use 1 to 4096")
    }
  }
}

extension ModelSizing {
  /// False for sizes that no image has.
  fileprivate var hasMeaning: Bool {
    (1...4096).contains(multipleOf) && minSide >= 1 && minSide <= maxSide && maxSide <= 65_500 && maxPixels >= 1
  }
}

extension PreparationError {
  /// The error for a field of the recipe without meaning.
  static func refused(_ what: String, _ remedy: Remedy) -> PreparationError {
    PreparationError(.invalidRecipe, stage: .resize, what, remedy: remedy)
  }
}
