import Foundation
import Ground
import Testing

@Suite("The nesting of JSON")
struct JSONNestingTests {
  private static func nested(_ depth: Int, in begin: String, _ end: String) -> String {
    String(repeating: begin, count: depth) + "1" + String(repeating: end, count: depth)
  }

  @Test(
    "a text with as many lists and objects in each other as the limit is taken, and one more is refused",
    arguments: [("[", "]"), ("{\"a\":", "}"), ("[ ", "\n]")])
  func limit(begin: String, end: String) throws {
    let deepest = Self.nested(JSONNesting.limit, in: begin, end)
    let bytes = Array(deepest.utf8)
    try JSONNesting.check(bytes.span)
    // A second reader confirms that the text is JSON.
    _ = try JSONSerialization.jsonObject(with: Data(deepest.utf8))
    let deeper = Array(Self.nested(JSONNesting.limit + 1, in: begin, end).utf8)
    #expect(throws: JSONNesting.Excess.self) { try JSONNesting.check(deeper.span) }
  }

  @Test(
    "brackets count only outside of quotes, and only those that are open",
    arguments: [
      "\"" + String(repeating: "[", count: 100) + "\"", "[\"\\\"" + String(repeating: "{", count: 100) + "\"]",
      "[\"\\\\\", " + String(repeating: "[],", count: 100) + "1]", String(repeating: "]", count: 100), "", "\"[[",
    ])
  func others(text: String) throws {
    let bytes = Array(text.utf8)
    try JSONNesting.check(bytes.span)
  }

  @Test("a million brackets are refused, whether or not they are closed")
  func million() {
    for text in [String(repeating: "[", count: 1_000_000), Self.nested(1_000_000, in: "{\"a\":", "}")] {
      let bytes = Array(text.utf8)
      #expect(throws: JSONNesting.Excess.self) { try JSONNesting.check(bytes.span) }
    }
  }
}
