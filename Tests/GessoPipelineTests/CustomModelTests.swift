import GessoPipeline
import ScenarioAPI
import Testing

@Suite("The custom model in the place of the legacy endpoint")
struct CustomModelTests {
  private static let request: Img2ImgRequest = {
    var request = Img2ImgRequest(prompt: "a forest", image: .asset(AssetID(rawValue: "asset_1")))
    (request.width, request.height, request.seed) = (1024, 768, "7")
    return request
  }()

  @Test("the request is the same, but for its endpoint and its model")
  func same() throws {
    var expected = Self.request
    (expected.endpoint, expected.modelID) = (.custom, "model_bfl-flux-1-dev")
    #expect(try CustomModel.request(like: Self.request) == expected)
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let word: String
    let change: @Sendable (inout Img2ImgRequest) -> Void
    init(_ name: String, _ word: String, _ change: @escaping @Sendable (inout Img2ImgRequest) -> Void) {
      (testDescription, self.word, self.change) = (name, word, change)
    }
  }

  private static let mask = AssetID(rawValue: "asset_2")

  @Test(
    "a setting that the custom model does not take is refused by name, never left out, split or rounded",
    arguments: [
      Case("a negative prompt", "negativePrompt") { $0.negativePrompt = "fog" },
      Case("its strength", "negativePromptStrength") { $0.negativePromptStrength = 1 },
      Case("a scheduler", "scheduler") { $0.scheduler = "DDIMScheduler" },
      Case("a mask", "mask") { $0.endpoint = .inpaint(mask: mask) },
      Case("a modality", "control image") { $0.endpoint = .controlnet(modality: "canny") },
      Case("a control image", "control image") { $0.endpoint = .controlnetImg2Img(control: mask, modality: "canny") },
      Case("five results", "numOutputs is 1 to 4") { $0.numSamples = 5 },
      Case("51 steps", "numInferenceSteps is 1 to 50") { $0.numInferenceSteps = 51 },
      Case("guidance above 10", "guidance is 0 to 10") { $0.guidance = 10.5 },
      Case("a width off the grid", "width is 128 to 2048 in steps of 16") { $0.width = 1032 },
      Case("a height off the grid", "height is 128 to 2048 in steps of 16") { $0.height = 776 },
      Case("a small size", "width is 128") { ($0.width, $0.height) = (64, 64) },
      Case("a strength between steps", "strength is 0.01 to 1 in steps of 0.01") { $0.strength = 0.555 },
      Case("a seed that is no number", "seed is 0 to 2147483647") { $0.seed = "x" },
      Case("a parameter", "parameter hideResults") { $0.parameters = ["hideResults": .bool(true)] },
      Case("an image URL", "image URL") { $0.image = .url("https://x.example/a.png") },
      Case("a long prompt", "at most 2048 characters") { $0.prompt = String(repeating: "a", count: 2049) },
      Case("another model", "none is known for lora") { $0.modelID = "lora" },
    ])
  func refused(row: Case) {
    var request = Self.request
    row.change(&request)
    #expect { try CustomModel.request(like: request) } throws: {
      let error = $0 as? PipelineError
      return error?.code == .noSubstitute && error?.message.contains(row.word) == true
    }
  }

  @Test("the limits themselves are taken")
  func limits() throws {
    var request = Self.request
    (request.numSamples, request.numInferenceSteps, request.guidance, request.strength) = (4, 50, 10, 0.01)
    (request.width, request.height, request.seed) = (2048, 128, "2147483647")
    request.prompt = String(repeating: "a", count: 2048)
    #expect(try CustomModel.request(like: request).endpoint == .custom)
  }

  @Test("the settings that the table names are settings of a generation, and all others have no counterpart")
  func covers() {
    for field in GenerationField.all where !field.endpoints.contains(.custom) {
      var request = Self.request
      switch field.name {
      case "negativePrompt": request.negativePrompt = "fog"
      case "negativePromptStrength": request.negativePromptStrength = 1
      case "scheduler": request.scheduler = "DDIMScheduler"
      case "disableMerging": request.disableMerging = true
      case "controlStart": request.controlStart = 0
      case "controlEnd": request.controlEnd = 1
      case "disableModalityDetection": request.disableModalityDetection = true
      default: Issue.record("\(field.name) is new: set it here")
      }
      #expect(throws: PipelineError.self, "\(field.name)") { try CustomModel.request(like: request) }
    }
  }
}
