/// The sizes that a family of models takes, and at which it works well.
///
/// Two sizings are equal when their sizes are, whatever their names.
public struct ModelSizing: Sendable, Equatable {
  /// The family's name on the command line.
  public let name: String
  /// The service's names of models of the family, besides ``name``.
  public let models: [String]
  /// The unit of which both sides are multiples.
  public let multipleOf: Int
  /// The shortest side in pixels.
  public let minSide: Int
  /// The longest side in pixels.
  public let maxSide: Int
  /// The largest number of pixels.
  public let maxPixels: Int

  /// FLUX.1: the sides are those of the service (POST /generate/img2img); 16 is the product of the autoencoder's step of 8 and patches of
  /// 2. Black Forest Labs gives 0.1 to 2.0 megapixels ("Announcing Black Forest Labs", August 2024).
  public static let flux1Dev = ModelSizing(
    "flux.1-dev", ["flux.1-schnell"], multipleOf: 16, sides: 64...2048, maxPixels: 2_000_000)
  /// FLUX.1 as a custom model: the service's inputs of model_bfl-flux-1-dev, 128 to 2048 in steps of 16.
  public static let customFlux1Dev = ModelSizing(
    "model_bfl-flux-1-dev", [], multipleOf: 16, sides: 128...2048, maxPixels: 2_000_000)
  /// SDXL: the sides are those of the service, and 8 is the step of the autoencoder. The shapes that it was trained with have as nearly as
  /// possible 1024² pixels (Podell et al., "SDXL", 2023, section 2.3).
  public static let sdxl = ModelSizing(
    "sdxl", ["stable-diffusion-xl-base-1.0"], multipleOf: 8, sides: 512...2048, maxPixels: 1_048_576)
  /// Stable Diffusion 1.5: the sides are those of the service, and 8 is the step of the autoencoder. It was trained at 512² (its model
  /// card), and with other shapes up to 512 × 768 (NovelAI, "Aspect Ratio Bucketing", 2022).
  public static let sd15 = ModelSizing(
    "sd15", ["stable-diffusion-v1-5"], multipleOf: 8, sides: 64...1024, maxPixels: 393_216)

  /// All known families.
  public static let known = [flux1Dev, customFlux1Dev, sdxl, sd15]

  private init(_ name: String, _ models: [String], multipleOf: Int, sides: ClosedRange<Int>, maxPixels: Int) {
    self.init(
      name: name, models: models, multipleOf: multipleOf, minSide: sides.lowerBound, maxSide: sides.upperBound,
      maxPixels: maxPixels)
  }

  /// Makes the sizing of a model that is not in the table.
  public init(
    name: String, models: [String] = [], multipleOf: Int, minSide: Int, maxSide: Int, maxPixels: Int
  ) {
    self.name = name
    self.models = models
    self.multipleOf = multipleOf
    self.minSide = minSide
    self.maxSide = maxSide
    self.maxPixels = maxPixels
  }

  /// True when both take the same sizes.
  public static func == (a: ModelSizing, b: ModelSizing) -> Bool {
    (a.multipleOf, a.minSide, a.maxSide, a.maxPixels) == (b.multipleOf, b.minSide, b.maxSide, b.maxPixels)
  }

  /// Finds a family by its name or that of one of its models; nil for one that is not in the table.
  public init?(named name: String) {
    guard let found = Self.known.first(where: { $0.name == name || $0.models.contains(name) }) else { return nil }
    self = found
  }

  /// Checks that the family takes a size.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func check(_ size: ImageSize) throws(PreparationError) {
    let sides = [size.width, size.height]
    let problem: String
    if sides.contains(where: { !(minSide...maxSide).contains($0) }) {
      problem = "whose sides go from \(minSide) to \(maxSide)"
    } else if sides.contains(where: { $0 % multipleOf != 0 }) {
      problem = "whose sides are multiples of \(multipleOf)"
    } else if size.pixelCount > maxPixels {
      problem = "which takes up to \(maxPixels) pixels"
    } else {
      return
    }
    throw PreparationError(
      .invalidRecipe, stage: .resize, "the result would be \(size), which is not for \(name), \(problem)",
      remedy: .either("leave sizes and multiples to the model", or: .cropToBox))
  }
}
