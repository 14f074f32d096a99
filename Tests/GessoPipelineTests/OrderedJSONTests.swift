import Foundation
import GessoPipeline
import Testing

@Suite("Ordered JSON")
struct OrderedJSONTests {
  static let value = OrderedJSON.object([
    ("z", .integer(-3)), ("a", .number(0.1)), ("nan", .number(.nan)), ("t", .bool(true)), ("none", .null),
    ("text", .string("\u{0}\u{1F}\"\\/\n\t\u{7F}é😀\u{2028}")),
    ("list", .array([.integer(1), .array([]), .object([])])),
    ("raw", .verbatim("{\"k\":[1]}")),
  ])

  @Test("Foundation reads what is written, on one line and over several", arguments: [value.line, value.document])
  func reads(text: String) throws {
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["z"] as? Int == -3)
    #expect(object["a"] as? Double == 0.1)
    #expect(object["nan"] is NSNull)
    #expect(object["text"] as? String == "\u{0}\u{1F}\"\\/\n\t\u{7F}é😀\u{2028}")
    #expect((object["list"] as? [Any])?.count == 3)
    #expect((object["raw"] as? [String: [Int]]) == ["k": [1]])
  }

  @Test("keys keep their order, and one line is one line")
  func order() {
    #expect(OrderedJSON.object([("b", .null), ("a", .array([.string("x")]))]).line == "{\"b\":null,\"a\":[\"x\"]}")
    #expect(!Self.value.line.contains("\n"))
  }
}
