extension Recipe {
  /// Refuses a recipe without meaning, whatever source it is for.
  ///
  /// - Throws: `invalidRecipe`.
  func check() throws(PreparationError) {
    // A geometry record takes the place of all sizes.
    if geometry == nil { try checkSizes() }
    if let maxBytes, maxBytes < 1 { throw refused("a budget of \(maxBytes) bytes is out of range", "use 1 or more") }
    if !(1...100).contains(minQuality) {
      throw refused("a lowest quality of \(minQuality) is out of range", "use 1 to 100")
    }
    if !(1...100).contains(quality) { throw refused("a quality of \(quality) is out of range", "use 1 to 100") }
    _ = try tensor?.tables()
  }

  /// Refuses sizes without meaning.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func checkSizes() throws(PreparationError) {
    if let maxSide, !(1...65_500).contains(maxSide) {
      throw refused("a longest side of \(maxSide) is out of range", "use 1 to 65500")
    }
    if let box, !(1...65_500).contains(box.width) || !(1...65_500).contains(box.height) {
      throw refused("a box of \(box) is out of range", "use sides of 1 to 65500")
    }
    if let maxPixels, maxPixels < 1 { throw refused("a cap of \(maxPixels) pixels is out of range", "use 1 or more") }
    if !(1...4096).contains(multipleOf) {
      throw refused("a multiple of \(multipleOf) is out of range", "use 1 to 4096")
    }
  }

  private func refused(_ what: String, _ remedy: String) -> PreparationError {
    PreparationError(.invalidRecipe, stage: .resize, what, remedy: remedy)
  }
}
