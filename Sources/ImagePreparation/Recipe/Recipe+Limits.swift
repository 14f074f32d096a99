extension Recipe {
  /// The default recipe with the limits of another one: for a preparation that serves that of the other.
  init(limitsOf other: Recipe) {
    self.init()
    maxInputPixels = other.maxInputPixels
    maxMemory = other.maxMemory
    failOn = other.failOn
    threads = other.threads
  }
}

extension DecodingLimits {
  /// The limits of a recipe.
  init(_ recipe: Recipe) {
    self.init()
    maxPixels = recipe.maxInputPixels
    maxMemory = recipe.maxMemory
  }
}
