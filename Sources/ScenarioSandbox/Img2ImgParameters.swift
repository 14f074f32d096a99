#if Client
/// The body of `POST /generate/img2img`: checked against the service's ranges, the service's defaults (Flux dev's
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
  /// Nil until the sandbox has drawn one.
  var seed: String?
  var scheduler: Scheduler?
  var concepts: [Concept]?
  var hideResults: Bool
  var intermediateImages: Bool?

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

extension Img2ImgParameters {
  init(from decoder: any Decoder) throws {
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
    guard image != nil || imageId != nil || imageUrl != nil, image != "" else {
      throw ServiceError.badRequest("Input image is required", parameter: "image")
    }
  }
}

/// What a job repeats of its request in `metadata.input`.
enum JobInput: Encodable, Sendable {
  case legacy(Img2ImgParameters)
  case custom([String: JSONValue])

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .legacy(let input): try input.encode(to: encoder)
    case .custom(let fields): try fields.encode(to: encoder)
    }
  }
}
#endif
