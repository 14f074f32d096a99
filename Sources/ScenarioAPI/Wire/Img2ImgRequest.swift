/// A generation that starts from an image: the body of `POST /generate/img2img`.
///
/// Settings with a default are always sent, because the service's documents disagree about its own defaults.
public struct Img2ImgRequest: Sendable, Equatable {
  /// The image to start from.
  public enum Image: Sendable, Hashable {
    /// An uploaded asset.
    case asset(AssetID)
    /// A public image that the service fetches. Only the service's tutorial documents this; uploading always works.
    case url(String)
  }

  /// The operation of the service that makes the results.
  public enum Endpoint: Sendable, Equatable {
    /// `POST /generate/img2img`, the legacy family.
    case img2img
    /// `POST /generate/inpaint`: white parts of the mask, an uploaded black and white image, are painted anew.
    case inpaint(mask: AssetID)
    /// `POST /generate/controlnet`: the image only controls the shapes, so this operation has no strength.
    case controlnet(modality: String)
    /// `POST /generate/controlnet-img2img`: a second uploaded image controls the shapes.
    case controlnetImg2Img(control: AssetID, modality: String)
    /// `POST /generate/custom/{modelId}`, the current family, with the fields that the model publishes.
    case custom

    /// The operation's name in paths and records.
    package var name: String {
      switch self {
      case .img2img: "img2img"
      case .inpaint: "inpaint"
      case .controlnet: "controlnet"
      case .controlnetImg2Img: "controlnet-img2img"
      case .custom: "custom"
      }
    }

    /// The operation as a set of endpoints.
    var operation: GenerationField.Endpoints {
      switch self {
      case .img2img: .img2img
      case .inpaint: .inpaint
      case .controlnet: .controlnet
      case .controlnetImg2Img: .controlnetImg2Img
      case .custom: .custom
      }
    }

    /// The fields that the operation adds to a body.
    package var fields: [String: JSONValue] {
      switch self {
      case .img2img, .custom: [:]
      case .inpaint(let mask): ["maskId": .string(mask.rawValue)]
      case .controlnet(let modality): ["modality": .string(modality)]
      case .controlnetImg2Img(let control, let modality):
        ["controlImageId": .string(control.rawValue), "modality": .string(modality)]
      }
    }
  }

  /// The operation of the service that makes the results.
  public var endpoint = Endpoint.img2img
  /// The model, `flux.1-dev` by default; the id of a trained LoRA works too.
  public var modelID: String
  /// The prompt; it must not be empty.
  public var prompt: String
  /// The image to start from.
  public var image: Image
  /// How much the result may differ from the image, from 0.01 (hardly) to 1 (the image is ignored).
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
  /// Makes the result repeatable: a number from 0 to ``largestSeed``. The service takes it as text.
  public var seed: String?
  /// The model of the current family that stands in for `flux.1-dev` (contract, section 6).
  public static let customModelID = "model_bfl-flux-1-dev"
  /// The largest seed that every endpoint takes (contract, section 6).
  public static let largestSeed = 2_147_483_647
  /// Things to keep out of the image. Flux dev uses it only with ``negativePromptStrength`` above 0.
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
  /// The scheduler of denoising, one of ``schedulers``; nil for the model's default. Only for the legacy family.
  public var scheduler: String?
  /// More fields of the body, under the service's names. They are added last and may replace the fields above.
  public var parameters: [String: JSONValue] = [:]

  /// The values of ``scheduler`` (the service's OpenAPI file).
  public static let schedulers = [
    "DDIMScheduler", "DDPMScheduler", "DEISMultistepScheduler", "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler", "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler", "KDPM2DiscreteScheduler", "LCMScheduler", "LMSDiscreteScheduler",
    "PNDMScheduler", "TCDScheduler", "UniPCMultistepScheduler",
  ]
  /// The modalities of control images (the service's OpenAPI file).
  public static let modalities = [
    "blur", "canny", "depth", "gray", "illusion", "lineart", "lines", "low-quality", "normal-map", "pose", "scribble",
    "seg", "sketch", "tile",
  ]
  /// The modalities that Flux models take, one at a time (contract, section 5).
  public static let fluxModalities = ["canny", "tile", "depth", "blur", "pose", "gray", "low-quality"]

  /// A request whose settings all have their defaults.
  package static let defaults = Img2ImgRequest(prompt: "", image: .url(""))

  /// Makes a request with the defaults of the `gesso` command.
  public init(prompt: String, image: Image, modelID: String = "flux.1-dev") {
    self.prompt = prompt
    self.image = image
    self.modelID = modelID
  }

  /// Checks every field against the service's published ranges.
  ///
  /// - Throws: A ``ScenarioError`` with the code `invalid-request` (or `insecure-url`) that names the first field out of
  ///   range.
  public func validate() throws(ScenarioError) {
    func check(_ isValid: Bool, _ message: String, _ remedy: Remedy) throws(ScenarioError) {
      guard isValid else { throw ScenarioError(.invalidRequest, .notSent, stage: .submit, message, remedy: remedy) }
    }
    func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }

    try check(!isBlank(modelID), "no model is named", "name one, for example flux.1-dev")
    try check(!isBlank(prompt), "the prompt is empty", "describe what the result should show")
    switch image {
    case .asset(let id): try check(!id.rawValue.isEmpty, "the source image has no asset id", "upload it first")
    case .url(let url):
      try check(
        ServiceURL.origin(of: url) != nil, "the image URL is no http(s) URL",
        "give one such as https://example.com/photo.jpg")
    }
    try check(
      (width == nil) == (height == nil), "only one of width and height is given", "give both, or neither for 512x512")
    switch endpoint {
    case .img2img: break
    case .inpaint(let mask): try check(!mask.rawValue.isEmpty, "the mask has no asset id", "upload it first")
    case .controlnet(let modality):
      try checkModality(modality)
      if case .url = image { try check(false, "a control image is no image URL", "upload the image") }
    case .controlnetImg2Img(let control, let modality):
      try check(!control.rawValue.isEmpty, "the control image has no asset id", "upload it first")
      try checkModality(modality)
    case .custom:
      if case .url = image { try check(false, "custom models take no image URL", "upload the image") }
    }
    for field in GenerationField.all { try field.check(self) }
  }
}

extension Img2ImgRequest {
  private static func refuse(_ message: String, _ remedy: Remedy) -> ScenarioError {
    ScenarioError(.invalidRequest, .notSent, stage: .submit, message, remedy: remedy)
  }

  /// Checks a modality: one name, or for models other than Flux up to three with commas between them, each with an optional
  /// weight above 0 and up to 1 after a colon (contract, section 5). The names of presets are not documented; they can be sent
  /// with ``parameters``.
  private func checkModality(_ text: String) throws(ScenarioError) {
    let isFlux = modelID.lowercased().hasPrefix("flux")
    let known = isFlux ? Self.fluxModalities : Self.modalities
    let entries = text.split(separator: ",", omittingEmptySubsequences: false)
    guard entries.count <= (isFlux ? 1 : 3) else {
      throw Self.refuse(
        "\(modelID) does not take \(entries.count) modalities at once", "give \(isFlux ? "one" : "three")")
    }
    for entry in entries {
      let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard known.contains(String(parts[0])) else {
        throw Self.refuse("\(modelID) has no modality \(parts[0])", "give one of \(known.joined(separator: ", "))")
      }
      guard parts.count > 1 else { continue }
      guard !isFlux, let weight = Double(parts[1]), weight > 0, weight <= 1 else {
        throw Self.refuse(
          "the modality \(entry) has a weight that is not taken", isFlux ? "leave it out" : "give above 0, up to 1")
      }
    }
  }
}

extension Img2ImgRequest: Encodable {
  /// Writes the body of the request.
  public func encode(to encoder: any Encoder) throws { try fields.encode(to: encoder) }

  /// The body's fields under the names of the endpoint.
  var fields: [String: JSONValue] {
    var fields = endpoint.fields
    fields["prompt"] = .string(prompt)
    // A custom model's id is in the path.
    if endpoint != .custom { fields["modelId"] = .string(modelID) }
    switch (image, endpoint) {
    case (.asset(let id), .controlnet): fields["controlImageId"] = .string(id.rawValue)
    case (.asset(let id), _): fields["image"] = .string(id.rawValue)
    case (.url(let url), _): fields["imageUrl"] = .string(url)
    }
    for field in GenerationField.all {
      if let (name, value) = field.member(of: self) { fields[name] = value }
    }
    return fields.merging(parameters) { $1 }
  }
}
