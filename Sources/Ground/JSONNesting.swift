/// The limit on nested lists and objects, for JSON that others wrote.
///
/// A decoder calls itself for each level, so that deep nesting can overflow the stack. Foundation has an undocumented limit of 512 levels,
/// and reports deeper texts as if they were no JSON.
package enum JSONNesting {
  /// The most levels that are read. Replies of the service, records and manifests have fewer than 10.
  package static let limit = 64

  /// The error for a text with more levels.
  package struct Excess: Error, Sendable, Equatable {
    /// The cause in words.
    package var message: String { "lists and objects are nested more than \(JSONNesting.limit) deep" }
  }

  /// Throws for a text that is nested more deeply than ``limit``, before a decoder reads it.
  ///
  /// Brackets are counted wherever they are outside of quotes. The decoder finds out whether the text is JSON.
  package static func check(_ text: borrowing Span<UInt8>) throws(Excess) {
    var (depth, isQuoted, isEscaped) = (0, false, false)
    for index in 0..<text.count {
      let byte = text[index]
      if isEscaped {
        isEscaped = false
      } else if isQuoted {
        if byte == UInt8(ascii: "\\") { isEscaped = true } else if byte == UInt8(ascii: "\"") { isQuoted = false }
      } else if byte == UInt8(ascii: "\"") {
        isQuoted = true
      } else if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") {
        depth += 1
        if depth > limit { throw Excess() }
      } else if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
        depth -= 1
      }
    }
  }
}
