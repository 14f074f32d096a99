import GessoPipeline
import ImagePreparation
import ScenarioAPI

/// Uploads a photograph, asks for the same scene in autumn, and returns the paths of the results.
func autumn(of photograph: String, into folder: String, from service: ScenarioConfiguration) async throws -> [String] {
  let client = ScenarioClient(configuration: service)
  let pipeline = Img2ImgPipeline(client: client, ledger: try Ledger(path: "\(folder)/ledger.sqlite"))

  var order = Img2ImgOrder(path: photograph, prompt: "the same forest in late autumn", folder: folder)
  order.recipe.size = .longestSide(1024, sides: .multiples(of: 16))
  order.generation.strength = 0.55
  order.generation.seed = "42"
  return try await pipeline.start(order).result.files.map(\.path)
}
