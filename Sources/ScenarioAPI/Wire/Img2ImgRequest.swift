/// A generation that starts from an image: the body of `POST /generate/img2img`.
@dynamicMemberLookup
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
    /// `POST /generate/inpaint`: white parts of the mask, an uploaded black and white image, are repainted.
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
  /// The settings, whose properties are those of the request as well.
  public var generation: Generation
  /// The image to start from.
  public var image: Image

  /// The model of the current family that replaces `flux.1-dev` (contract, section 6).
  public static let customModelID = "model_bfl-flux-1-dev"
  /// The largest seed that every endpoint takes (contract, section 6).
  public static let largestSeed = 2_147_483_647
  /// The values of ``Generation/scheduler`` (the service's OpenAPI file).
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
    self.init(Generation(prompt: prompt, modelID: modelID), image: image)
  }

  /// Makes a request of its parts.
  public init(_ generation: Generation, image: Image, endpoint: Endpoint = .img2img) {
    self.generation = generation
    self.image = image
    self.endpoint = endpoint
  }

  /// A setting of the generation.
  public subscript<Value>(dynamicMember setting: WritableKeyPath<Generation, Value>) -> Value {
    get { generation[keyPath: setting] }
    set { generation[keyPath: setting] = newValue }
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

    try check(!isBlank(generation.modelID), "no model is named", "name one, for example flux.1-dev")
    try check(!isBlank(generation.prompt), "the prompt is empty", "describe what the result should show")
    switch image {
    case .asset(let id): try check(!id.rawValue.isEmpty, "the source image has no asset id", "upload it first")
    case .url(let url):
      try check(
        ServiceURL.origin(of: url) != nil, "the image URL is not an http(s) URL",
        "give one such as https://example.com/photo.jpg")
    }
    try check(
      (generation.width == nil) == (generation.height == nil), "only one of width and height is given",
      "give both, or neither for 512x512")
    switch endpoint {
    case .img2img: break
    case .inpaint(let mask): try check(!mask.rawValue.isEmpty, "the mask has no asset id", "upload it first")
    case .controlnet(let modality):
      try checkModality(modality)
      if case .url = image { try check(false, "a control image cannot be a URL", "upload the image") }
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

  /// Checks a modality: one name, or, for models other than Flux, up to three names with commas between them. Each name may have a colon
  /// and a weight after it, which is above 0 and at most 1 (contract, section 5). The names of presets are not documented; they can be sent
  /// with ``Generation/parameters``.
  private func checkModality(_ text: String) throws(ScenarioError) {
    let isFlux = generation.modelID.lowercased().hasPrefix("flux")
    let known = isFlux ? Self.fluxModalities : Self.modalities
    let entries = text.split(separator: ",", omittingEmptySubsequences: false)
    guard entries.count <= (isFlux ? 1 : 3) else {
      throw Self.refuse(
        "\(generation.modelID) does not take \(entries.count) modalities at once", "give \(isFlux ? "one" : "three")")
    }
    for entry in entries {
      let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard known.contains(String(parts[0])) else {
        throw Self.refuse(
          "\(generation.modelID) has no modality \(parts[0])", "give one of \(known.joined(separator: ", "))")
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
    fields["prompt"] = .string(generation.prompt)
    // A custom model's id is in the path.
    if endpoint != .custom { fields["modelId"] = .string(generation.modelID) }
    switch (image, endpoint) {
    case (.asset(let id), .controlnet): fields["controlImageId"] = .string(id.rawValue)
    case (.asset(let id), _): fields["image"] = .string(id.rawValue)
    case (.url(let url), _): fields["imageUrl"] = .string(url)
    }
    for field in GenerationField.all {
      if let (name, value) = field.member(of: self) { fields[name] = value }
    }
    return fields.merging(generation.parameters) { $1 }
  }
}
