internal import Ground

/// The body of `POST /generate/img2img`: checked against the service's ranges, with the service's defaults (Flux dev's
/// guidance) filled in. Unknown fields are ignored (ASSUMED).
struct Img2ImgParameters: Codable, Sendable {
  var modelId: String
  var modelEpoch: String?
  var baseModelId: String?
  var prompt: String
  var negativePrompt: String?
  var negativePromptStrength: Double?
  /// An asset id or a data URL; the asset id once the image is stored.
  var image: String?
  var imageId: String?
  var imageUrl: String?
  var imageParentId: String?
  var imageHide: Bool?
  var strength: Double
  var numSamples: Int
  var numInferenceSteps: Int
  var guidance: Double
  var width: Int
  var height: Int
  /// Nil until the sandbox has chosen one at random.
  var seed: String?
  var scheduler: Scheduler?
  var concepts: [Concept]?
  var hideResults: Bool
  var intermediateImages: Bool?

  // Fields of the other legacy operations. An image is a data URL until it is stored, then an asset id.

  /// Inpainting: the mask, in which white areas are repainted.
  var mask: String?
  var maskId: String?
  var disableMerging: Bool?
  /// The kind of control image.
  var modality: String?
  var controlImage: String?
  var controlImageId: String?
  var controlStart: Double?
  var controlEnd: Double?
  var disableModalityDetection: Bool?

  /// A LoRA and its weight.
  struct Concept: Codable, Sendable {
    var modelId: String
    var modelEpoch: String?
    var scale: Double

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      modelId = try fields.decode(String.self, forKey: .modelId)
      modelEpoch = try fields.given(String.self, .modelEpoch)
      scale = try fields.decode(Double.self, forKey: .scale)
      try fields.check(scale, .scale, in: -2...2)
    }
  }

  /// The samplers the service knows.
  enum Scheduler: String, Codable, CaseIterable, Sendable {
    case ddim = "DDIMScheduler"
    case ddpm = "DDPMScheduler"
    case deisMultistep = "DEISMultistepScheduler"
    case dpmSolverMultistep = "DPMSolverMultistepScheduler"
    case dpmSolverSinglestep = "DPMSolverSinglestepScheduler"
    case eulerAncestralDiscrete = "EulerAncestralDiscreteScheduler"
    case eulerDiscrete = "EulerDiscreteScheduler"
    case heunDiscrete = "HeunDiscreteScheduler"
    case kdpm2AncestralDiscrete = "KDPM2AncestralDiscreteScheduler"
    case kdpm2Discrete = "KDPM2DiscreteScheduler"
    case lcm = "LCMScheduler"
    case lmsDiscrete = "LMSDiscreteScheduler"
    case pndm = "PNDMScheduler"
    case tcd = "TCDScheduler"
    case uniPCMultistep = "UniPCMultistepScheduler"
  }
}

/// The legacy operations that make images from an image. Each has fields of its own and ignores those of the others.
enum LegacyEndpoint: String, Sendable {
  case img2img, inpaint, controlnet
  case controlnetImg2Img = "controlnet_img2img"

  /// True if the generation starts from an image and therefore has a strength.
  var startsFromImage: Bool { self != .controlnet }
  /// True if an image controls the shapes.
  var isControlled: Bool { self == .controlnet || self == .controlnetImg2Img }
  /// The value of `metadata.type` of results (ASSUMED for all but img2img).
  var assetType: String { "inference-" + rawValue.replacing("_", with: "-") }
}

extension Img2ImgParameters {
  /// The modalities that control Flux models, one at a time (contract, section 5).
  static let fluxModalities = ["canny", "tile", "depth", "blur", "pose", "gray", "low-quality"]

  init(from decoder: any Decoder) throws { try self.init(from: decoder, for: .img2img) }

  /// Reads the body of one of the endpoints.
  init(from decoder: any Decoder, for endpoint: LegacyEndpoint) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    modelId = try fields.required(.modelId)
    modelEpoch = try fields.given(String.self, .modelEpoch)
    baseModelId = try fields.given(String.self, .baseModelId)
    prompt = try fields.required(.prompt)
    negativePrompt = try fields.given(String.self, .negativePrompt)
    negativePromptStrength = try fields.given(Double.self, .negativePromptStrength)
    image = try fields.given(String.self, .image)
    imageId = try fields.given(String.self, .imageId)
    imageUrl = try fields.given(String.self, .imageUrl)
    imageParentId = try fields.given(String.self, .imageParentId)
    imageHide = try fields.given(Bool.self, .imageHide)
    strength = try fields.given(Double.self, .strength) ?? 0.75
    numSamples = try fields.integer(.numSamples) ?? 4
    numInferenceSteps = try fields.integer(.numInferenceSteps) ?? 30
    guidance = try fields.given(Double.self, .guidance) ?? 3.5
    width = try fields.integer(.width) ?? 512
    height = try fields.integer(.height) ?? 512
    seed = try fields.given(String.self, .seed)
    scheduler = try fields.given(Scheduler.self, .scheduler)
    concepts = try fields.given([Concept].self, .concepts)
    hideResults = try fields.given(Bool.self, .hideResults) ?? false
    intermediateImages = try fields.given(Bool.self, .intermediateImages)

    try fields.check(negativePromptStrength, .negativePromptStrength, in: 0...10)
    try fields.check(strength, .strength, in: 0.01...1)
    try fields.check(numSamples, .numSamples, in: 1...128)
    try fields.check(numInferenceSteps, .numInferenceSteps, in: 1...150)
    try fields.check(guidance, .guidance, in: 0...20)
    for (side, key) in [(width, CodingKeys.width), (height, .height)] {
      try fields.check(side, key, in: 64...2048)
      guard side % 8 == 0 else {
        throw ServiceError.badRequest("Input \(key.stringValue) must be a multiple of 8", parameter: key.stringValue)
      }
    }
    switch endpoint {
    case .img2img: break
    case .inpaint:
      mask = try fields.given(String.self, .mask)
      maskId = try fields.given(String.self, .maskId)
      disableMerging = try fields.given(Bool.self, .disableMerging)
    case .controlnet, .controlnetImg2Img:
      controlImage = try fields.given(String.self, .controlImage)
      controlImageId = try fields.given(String.self, .controlImageId)
      modality = try fields.required(.modality)
      controlStart = try fields.given(Double.self, .controlStart)
      controlEnd = try fields.given(Double.self, .controlEnd)
      disableModalityDetection = try fields.given(Bool.self, .disableModalityDetection)
      try fields.check(controlStart, .controlStart, in: 0...0.9)
      try fields.check(controlEnd, .controlEnd, in: 0.1...1)
      guard let modality, Self.fluxModalities.contains(modality) else {
        throw ServiceError.badRequest(
          "Input modality must be one of " + Self.fluxModalities.joined(separator: ", "), parameter: "modality")
      }
    }
    func require(_ images: [String?], _ name: String) throws {
      guard images.contains(where: { $0 != nil }), images[0] != "" else {
        throw ServiceError.badRequest("Input \(name) is required", parameter: name)
      }
    }
    if endpoint.startsFromImage { try require([image, imageId, imageUrl], "image") }
    if endpoint == .inpaint { try require([mask, maskId], "mask") }
    if endpoint == .controlnetImg2Img { try require([controlImage, controlImageId], "controlImage") }
    // The source image may also be the control image (ASSUMED).
    if endpoint == .controlnet { try require([controlImage, controlImageId, image], "controlImage") }
  }
}

/// The bodies of the siblings.
struct InpaintParameters: Decodable {
  let input: Img2ImgParameters
  init(from decoder: any Decoder) throws { input = try Img2ImgParameters(from: decoder, for: .inpaint) }
}
struct ControlnetParameters: Decodable {
  let input: Img2ImgParameters
  init(from decoder: any Decoder) throws { input = try Img2ImgParameters(from: decoder, for: .controlnet) }
}
struct ControlnetImg2ImgParameters: Decodable {
  let input: Img2ImgParameters
  init(from decoder: any Decoder) throws { input = try Img2ImgParameters(from: decoder, for: .controlnetImg2Img) }
}

/// The part of its request that a job repeats in `metadata.input`.
enum JobInput: Encodable, Sendable {
  case legacy(Img2ImgParameters, type: String)
  case custom([String: JSONValue], modelID: String)

  private enum Key: String, CodingKey { case type }

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .legacy(let input, let type):
      try input.encode(to: encoder)
      var fields = encoder.container(keyedBy: Key.self)
      try fields.encode(type, forKey: .type)
    // The field with the model's name may contain a LoRA.
    case .custom(let fields, let modelID):
      try fields.merging(["modelId": .string(modelID)]) { own, _ in own }.encode(to: encoder)
    }
  }
}
