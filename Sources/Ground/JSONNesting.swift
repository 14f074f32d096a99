/// The limit of lists and objects in each other, for JSON that others wrote.
///
/// A decoder calls itself for each of them, so that their number is one of the stack. Foundation has a limit of its own, 512, of which its
/// interface says nothing, and whose error is that of a text that is no JSON.
package enum JSONNesting {
  /// The most lists and objects in each other. What the service sends and what records and manifests hold has fewer than 10.
  package static let limit = 64

  /// The error of a text that has more.
  package struct Excess: Error, Sendable, Equatable {
    /// The cause in words.
    package var message: String { "lists and objects are nested more than \(JSONNesting.limit) deep" }
  }

  /// Throws for a text with more lists and objects in each other than ``limit``, before a decoder reads it.
  ///
  /// Whether it is JSON is for the decoder to find out: brackets are counted wherever they are outside of quotes.
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
