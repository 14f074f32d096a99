import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

/// Images that are sent have 8 bits per sample, whatever the source has.
@Suite("Depth of images that are sent")
struct SentDepthTests {
  let folder = TestFolder.url.appending(path: "gesso-depth-\(UUID().uuidString)").path
  static let deep = ImageSource.file(Fixtures.path("png/small-rgb16.png"))
  static let recipe = Recipe(size: .longestSide(64), samples: .data, output: .png())

  private func pipeline(_ service: ScriptedService) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: try service.client(), ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
  }

  private func order(_ recipe: Recipe) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("png/small-rgb16.png"), prompt: "a map", folder: folder)
    order.recipe = recipe
    return order
  }

  @Test("8 bits of data of 16, by an upload and by an order")
  func eight() async throws {
    #expect(
      try await ImagePreparer().prepare(Self.deep, as: Self.recipe).bits == 16, "otherwise this test proves nothing")
    let sent = Mutex<[[UInt8]]>([])
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, request throws(ScenarioError) in
      if name == "POST /assets", case .bytes(let body) = request.body,
        let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
        let text = (object["image"] as? String)?.split(separator: ",").last,
        let image = Data(base64Encoded: String(text))
      {
        sent.withLock { $0.append([UInt8](image)) }
      }
      return nil
    }
    let pipeline = try pipeline(service)
    _ = try await pipeline.upload(Self.deep, stem: "map", recipe: Self.recipe).result
    // The order has another size, because the same bytes would not be sent twice. The service requires sides of at least 64 pixels.
    var recipe = Self.recipe
    recipe.size = .box(80, 64, .stretch)
    _ = try await pipeline.start(order(recipe)).result
    let files = sent.withLock(\.self)
    #expect(files.count == 2)
    for file in files { #expect(try ImagePreparer().inspectBlocking(.memory(file)).bitDepth <= 8) }
  }

  @Test("16 bits are refused before anything is sent")
  func sixteen() async throws {
    let service = ScriptedService(results: [])
    let pipeline = try pipeline(service)
    var recipe = Self.recipe
    recipe.output = .png(bits: .sixteen)
    let refusals = await [
      #expect(throws: PipelineError.self) {
        _ = try await pipeline.upload(Self.deep, stem: "map", recipe: recipe).result
      },
      #expect(throws: PipelineError.self) { _ = try await pipeline.start(order(recipe)).result },
    ]
    for refusal in refusals {
      #expect(refusal?.code == .invalidOrder && refusal?.message.contains("8 bits per sample") == true)
    }
    #expect(service.requests.isEmpty)
  }
}
