import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import TestSupport
import Testing

@Suite("JSON for scripts and people")
struct JSONObjectTests {
  private static let object: JSONObject = [
    "z": -3, "a": 0.1, "t": true, "none": nil as String?, "path": "a/b", "decimal": Decimal(string: "10.75"),
    "text": "\u{0}\u{1F}\"\\\n\t\u{7F}é😀\u{2028}", "list": [1, 2], "empty": [Int](), "inner": ["k": 1] as JSONObject,
  ]

  @Test("JSON on one line and over several is read back by another reader")
  func reads() throws {
    for text in [try JSONText.line(Self.object), try JSONText.document(Self.object)] {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      #expect(object["z"] as? Int == -3 && object["a"] as? Double == 0.1 && object["none"] is NSNull)
      #expect(object["text"] as? String == "\u{0}\u{1F}\"\\\n\t\u{7F}é😀\u{2028}")
      #expect((object["list"] as? [Int]) == [1, 2] && (object["inner"] as? [String: Int]) == ["k": 1])
      #expect(text.contains("10.75") && text.contains("a/b"))
    }
  }

  @Test("names are sorted, text has no line breaks, and a later member replaces an earlier one")
  func form() throws {
    #expect(try JSONText.line(["b": nil as Int?, "a": ["x"]] as JSONObject) == #"{"a":["x"],"b":null}"#)
    #expect(try JSONText.line((["a": 1, "b": 2] as JSONObject).adding(["b": 3])) == #"{"a":1,"b":3}"#)
    #expect(try !JSONText.line(Self.object).contains("\n"))
    #expect(throws: EncodingError.self) { try JSONText.line(["a": Double.nan] as JSONObject) }
  }

  /// The text that an earlier writer of ordered JSON wrote for the same record. Values that differ from machine to machine are left out.
  private static let record = #"""
    {
      "result": "small-420-7-1.png", "index": 1, "assetId": "asset_r1", "mimeType": "image/png", "bytes": 42,
      "sha256": "…", "width": 227, "height": 149, "prompt": "a forest", "seed": "7", "model": "flux.1-dev",
      "parameters": {"strength":0.55,"numSamples":1,"guidance":3.5,"numInferenceSteps":28,"width":224,"height":144,
        "negativePrompt":"fog","negativePromptStrength":1.0,"param":{"hideResults":true,"{\"a\":1}":2}},
      "job": "job_1", "cost": 10.5, "service": "https://service.example/v1", "project": null,
      "source": "forest.jpg", "sourceSha256": "77b0244b8e08378dc59a40021744146ca5110d13dc00879e33f96de5f5fee4ca",
      "sourceAssetId": "asset_source", "prepared": "small-420.prepared.jpg", "preparedSha256": "…",
      "geometry": {"source":{"width":227,"height":149},"orientation":1,"crop":{"x":1.5,"y":2.5,"width":224.0,"height":144.0},
        "content":{"x":0,"y":0,"width":224,"height":144},"canvas":{"width":224,"height":144}},
      "created": "…"
    }
    """#

  @Test("a record has the documented members and values")
  func record() async throws {
    let folder = TestFolder.url.appending(path: "gesso-record-\(UUID().uuidString)").path
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    order.sourceName = "forest.jpg"
    (order.generation.seed, order.generation.strength) = ("7", 0.55)
    (order.generation.negativePrompt, order.generation.negativePromptStrength) = ("fog", 1)
    order.generation.parameters = ["hideResults": .bool(true), #"{"a":1}"#: .number(2)]
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")])
    let pipeline = Img2ImgPipeline(
      client: try service.client(), ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
    let file = try await pipeline.start(order).result.files[0]
    var written = try JSONDecoder().decode(
      [String: JSONValue].self, from: try Data(contentsOf: URL(filePath: file.recordPath)))
    for varying in ["sha256", "preparedSha256", "created"] {
      guard case .string? = written[varying] else { Issue.record("\(varying)"); continue }
      written[varying] = .string("…")
    }
    #expect(written["bytes"] == .number(Double(file.byteCount)))
    written["bytes"] = .number(42)
    #expect(try written == JSONDecoder().decode([String: JSONValue].self, from: Data(Self.record.utf8)))
  }
}
