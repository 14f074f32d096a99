import Ground
import Testing

@Suite struct TextSearchTests {
  @Test(
    "a part is found byte for byte",
    arguments: [
      ("Error Domain=x", "Error Domain=", true), ("x Error Domain=", "Error Domain=", true), ("aaab", "ab", true),
      ("ab", "ab", true), ("ab", "abc", false), ("ab", "B", false), ("", "a", false), ("ab", "", true), ("", "", true),
      // A letter with an accent has two bytes, and neither of them is the letter without the accent.
      ("caf\u{E9}", "cafe", false), ("caf\u{E9}", "\u{E9}", true),
    ])
  func findsPart(_ text: String, _ part: String, _ isFound: Bool) {
    #expect(text.contains(part: part) == isFound)
  }
}
