internal import Ground

/// A model as `GET /models/{id}` describes it.
struct Model: Encodable, Sendable {
  /// One field of a custom model's request body.
  struct Input: Encodable, Sendable {
    /// Whether a request must have the field.
    struct Required: Encodable, Sendable { let always: Bool }

    let name: String
    let type: String
    var min: Double?
    var max: Double?
    var step: Double?
    var `default`: JSONValue?
    var maxLength: Double?
    var allowedValues: [String]?
    var kind: String?
    var costImpact: Bool?
    var required: Required?
  }

  let id: String
  let name: String
  let type: String
  var status = "trained"
  /// True when only `/generate/custom/{id}` runs it.
  let custom: Bool
  let capabilities: [String]
  var inputs: [Input]?
  var privacy = "public"
  var source = "other"
  var accessRestrictions = 0
  var tags: [String] = []
  var collectionIds: [String] = []
  var exampleAssetIds: [String] = []
  var trainingImagesNumber = 0
  var createdAt = "2025-01-15T00:00:00.000Z"
  var updatedAt = "2025-01-15T00:00:00.000Z"

  /// The models of the sandbox by id: one of each family.
  static let all: [String: Model] = Dictionary(uniqueKeysWithValues: [flux1Dev, customFlux1Dev].map { ($0.id, $0) })

  /// The model of the legacy family.
  static let flux1Dev = Model(
    id: "flux.1-dev", name: "Flux.1 dev", type: "flux.1", custom: false,
    capabilities: ["txt2img", "img2img", "inpaint", "controlnet"])

  /// The model of the current family, with the inputs that it publishes (contract, section 6).
  static let customFlux1Dev = Model(
    id: "model_bfl-flux-1-dev", name: "Flux.1 dev", type: "custom", custom: true, capabilities: ["txt2img", "img2img"],
    inputs: [
      Input(name: "prompt", type: "string", maxLength: 2048, required: .init(always: true)),
      Input(name: "image", type: "file", kind: "image"),
      Input(name: "strength", type: "number", min: 0.01, max: 1, step: 0.01, default: .number(0.8)),
      Input(name: "numOutputs", type: "number", min: 1, max: 4, step: 1, default: .number(1), costImpact: true),
      Input(
        name: "numInferenceSteps", type: "number", min: 1, max: 50, step: 1, default: .number(28), costImpact: true),
      Input(name: "guidance", type: "number", min: 0, max: 10, default: .number(3.5)),
      Input(name: "width", type: "number", min: 128, max: 2048, step: 16, default: .number(1104)),
      Input(name: "height", type: "number", min: 128, max: 2048, step: 16, default: .number(832)),
      Input(name: "seed", type: "number", min: 0, max: 2_147_483_647, step: 1),
      Input(name: "controlImage", type: "file", kind: "image"),
      Input(
        name: "controlModality", type: "string", default: .string("canny"),
        allowedValues: ["canny", "tile", "depth", "blur", "pose", "gray", "low-quality"]),
      Input(name: "controlStrength", type: "number", min: 0, max: 1, default: .number(0.7)),
      Input(name: "controlStart", type: "number", min: 0, max: 1, default: .number(0)),
      Input(name: "controlEnd", type: "number", min: 0, max: 1, default: .number(1)),
      Input(name: "modelId", type: "model"),
      Input(name: "loras", type: "model_array", maxLength: 6),
      Input(name: "lorasScale", type: "number_array", min: 0, max: 2, maxLength: 6),
    ])
}
