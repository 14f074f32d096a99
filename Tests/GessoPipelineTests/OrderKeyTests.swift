import Digests
import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import TestSupport
import Testing

@Suite("What makes two orders the same, from version to version")
struct OrderKeyTests {
  let folder = TestFolder.url.appending(path: "gesso-key-\(UUID().uuidString)").path

  private var order: Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    order.request.seed = "7"
    return order
  }

  /// Carries an order out, and gives the key it went by.
  private func key(of order: Img2ImgOrder) async throws -> String {
    let ledger = try Ledger(path: folder + "-ledger/ledger.sqlite")
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, _ throws(ScenarioError) in
      name == "POST /generate/img2img"
        ? HTTPResponse(
          status: 200,
          body: [UInt8](#"{"job":{"jobId":"\#(UUID().uuidString)","status":"queued","metadata":{"assetIds":[]}}}"#.utf8)
        )
        : nil
    }
    var order = order
    order.waits = false
    _ = try await Img2ImgPipeline(client: try service.client(), ledger: ledger).start(order).result
    return try ledger.entries()[0].intent.key
  }

  private static func sha256(_ text: String) -> String { ContentDigest.sha256(of: [UInt8](text.utf8)) }
  /// SHA-256 of the key `planted-key`, as far as an account is known by it.
  private static let account = String(sha256("planted-key").prefix(16))
  private static var source: String {
    get throws { try ContentDigest.sha256(ofFile: Fixtures.path("jpeg/small-420.jpg")) }
  }

  @Test("the key is the digest of what was said, and of nothing else")
  func keepsItsForm() async throws {
    let text =
      #"{"version":3,"service":"https://service.example/v1","account":"\#(Self.account)","source":"\#(try Self.source)","#
      + #""recipe":"{\"output\":{\"maxBytes\":3500000},\"size\":{\"multiplesOf\":16}}","model":"flux.1-dev","#
      + #""prompt":"a forest","request":{},"#
      + #""seed":"7"}"#
    #expect(try await key(of: order) == Self.sha256(text))
    var other = order
    other.recipe.output = .auto(quality: 50, budget: other.recipe.output.budget)
    other.recipe.background = .white
    other.request.strength = 0.5
    other.request.parameters = ["hideResults": .bool(true)]
    let said = text.replacing(
      #""recipe":"{"#, with: ##""recipe":"{\"background\":\"#FFFFFF\","##
    ).replacing(
      #"3500000}"#, with: #"3500000,\"quality\":50}"#
    ).replacing(
      #""request":{"#, with: #""request":{"param":"{\"hideResults\":true}","strength":"0.5""#)
    #expect(try await key(of: other) == Self.sha256(said))
  }

  @Test("a field that is added changes no key until somebody sets it")
  func added() {
    let fields: [OrderKey.Field] = [("strength", "0.75", "0.75"), ("width", nil, nil)]
    #expect(OrderKey.said(fields) == .object([]), "a default that changes is said from then on")
    #expect(OrderKey.said(fields + [("sharpen", "0", "0")]) == OrderKey.said(fields))
    #expect(OrderKey.said(fields + [("sharpen", "1", "0")]).line == #"{"sharpen":"1"}"#)
    #expect(OrderKey.said([("b", nil, "1"), ("a", "2", nil)]).line == #"{"a":"2","b":null}"#)
  }
}
