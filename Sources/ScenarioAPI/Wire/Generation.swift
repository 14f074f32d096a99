/// The settings of a generation, without the image that it starts from.
///
/// Settings with a default are always sent, because the service's documents disagree about its own defaults.
public struct Generation: Sendable, Equatable {
  /// The model, `flux.1-dev` by default; the id of a trained LoRA works too.
  public var modelID: String
  /// The prompt; it must not be empty.
  public var prompt: String
  /// How much the result may differ from the image, from 0.01 (hardly) to 1 (the image is ignored). The operation
  /// `controlnet` has no strength, because its image only controls the shapes.
  public var strength = 0.75
  /// The number of results, 1 to 128; the plan may allow fewer.
  public var numSamples = 1
  /// How closely the result follows the prompt, 0 to 20; Flux dev takes up to 10.
  public var guidance = 3.5
  /// Denoising steps, 1 to 150.
  public var numInferenceSteps = 28
  /// Width of the results, 64 to 2048 in steps of 8. Without width and height the service makes 512 by 512.
  public var width: Int?
  /// Height of the results, 64 to 2048 in steps of 8.
  public var height: Int?
  /// Makes the result repeatable: a number from 0 to ``Img2ImgRequest/largestSeed``. The service takes it as text.
  public var seed: String?
  /// Things to keep out of the image. Flux dev uses this text only if ``negativePromptStrength`` is above 0.
  public var negativePrompt: String?
  /// The strength of ``negativePrompt``, 0 to 10.
  public var negativePromptStrength: Double?

  /// Inpainting: true to return the generated result as it is, instead of restoring the areas that the mask keeps.
  public var disableMerging: Bool?
  /// Control: the share of the steps after which the image begins to control, 0 to 0.9; Flux dev only.
  public var controlStart: Double?
  /// Control: the share of the steps after which the image no longer controls, 0.1 to 1; Flux dev only.
  public var controlEnd: Double?
  /// Control: true when the image is already in the modality, such as an image of edges; Flux ignores this.
  public var disableModalityDetection: Bool?
  /// The scheduler of denoising, one of ``Img2ImgRequest/schedulers``; nil for the model's default. Only for the legacy family.
  public var scheduler: String?
  /// More fields of the body, under the service's names. They are added last and may replace the fields above.
  public var parameters: [String: JSONValue] = [:]

  /// Makes the settings with the defaults of the `gesso` command.
  public init(prompt: String, modelID: String = "flux.1-dev") {
    self.prompt = prompt
    self.modelID = modelID
  }
}
