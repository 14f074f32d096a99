import GessoPipeline
import ScenarioAPI

/// Makes an autumn scene of a photograph, and returns the paths of the results.
func autumn(of photograph: String, into folder: String, from service: ScenarioConfiguration) async throws -> [String] {
  let client = ScenarioClient(configuration: service)
  let pipeline = Img2ImgPipeline(client: client, ledger: try Ledger(path: "\(folder)/ledger.sqlite"))
  let order = Img2ImgOrder(path: photograph, prompt: "the same forest in late autumn", folder: folder)
  return try await pipeline.start(order).result.files.map(\.path)
}
