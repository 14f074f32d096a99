internal import ArgumentParser
package import ScenarioAPI

/// The flags for the settings of a generation: one for each ``GenerationField`` that has a flag, with its name, help and default.
package struct GenerationOptions: ParsableArguments {
  // The value is optional, because not all endpoints take a strength: for the others, only an explicit value is an error.
  @Option(name: .field(.strength), help: .field(.strength, default: Img2ImgRequest.defaults.strength))
  var strength: Double?

  @Option(name: .field(.numSamples), help: .field(.numSamples))
  var numSamples = Img2ImgRequest.defaults.numSamples

  @Option(name: .field(.guidance), help: .field(.guidance))
  var guidance = Img2ImgRequest.defaults.guidance

  @Option(name: .field(.numInferenceSteps), help: .field(.numInferenceSteps))
  var numInferenceSteps = Img2ImgRequest.defaults.numInferenceSteps

  @Option(name: .field(.seed), help: .field(.seed))
  var seed: Int?

  @Option(name: .field(.negativePrompt), parsing: .unconditional, help: .field(.negativePrompt))
  var negativePrompt: String?

  @Option(name: .field(.negativePromptStrength), help: .field(.negativePromptStrength))
  var negativePromptStrength: Double?

  @Option(name: .field(.scheduler), help: .field(.scheduler))
  var scheduler: String?

  @Option(name: .field(.width), help: .field(.width))
  var width: Int?

  @Option(name: .field(.height), help: .field(.height))
  var height: Int?

  package init() {}

  package mutating func validate() throws { try require(seed, in: 0...Img2ImgRequest.largestSeed, "--seed") }

  /// Sets the settings of a generation from the flags.
  package func apply(to generation: inout Generation) {
    generation.strength = strength ?? generation.strength
    generation.numSamples = numSamples
    generation.guidance = guidance
    generation.numInferenceSteps = numInferenceSteps
    generation.seed = seed.map(String.init)
    generation.negativePrompt = negativePrompt
    generation.negativePromptStrength = negativePromptStrength
    generation.scheduler = scheduler
    generation.width = width
    generation.height = height
  }
}

extension NameSpecification {
  fileprivate static func field(_ field: GenerationField) -> NameSpecification {
    // A field without a flag has no option here, so its own name is never shown.
    .customLong(field.flag ?? field.name)
  }
}

extension ArgumentHelp {
  fileprivate static func field(_ field: GenerationField, default value: Double? = nil) -> ArgumentHelp {
    // The parser adds the default of an option that has one.
    let summary = field.summary + (value.map { " (default: \($0))" } ?? "")
    return ArgumentHelp(ArgumentHelp.StringLiteralType(summary), valueName: field.valueName)
  }
}
