/// A piece of an HTML page.
///
/// Only literals are markup. Interpolated text is escaped for elements and for quoted attributes, so that a name or a
/// prompt cannot become markup by an oversight. An interpolated `HTML` is inserted as it is.
struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
  /// The markup.
  private(set) var markup: String

  init(stringLiteral markup: String) { self.markup = markup }
  init(stringInterpolation pieces: Pieces) { markup = pieces.markup }

  /// Markup that comes from a file of this package instead of a literal: style and script.
  init(trusted markup: String) { self.markup = markup }

  struct Pieces: StringInterpolationProtocol {
    fileprivate var markup = ""
    private static let special = [UInt8]("&<>\"'\0\r".utf8)

    init(literalCapacity: Int, interpolationCount: Int) { markup.reserveCapacity(literalCapacity * 2) }
    mutating func appendLiteral(_ literal: String) { markup += literal }
    mutating func appendInterpolation(_ html: HTML) { markup += html.markup }
    mutating func appendInterpolation(_ html: HTML?) { markup += html?.markup ?? "" }
    mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { markup += piece.markup } }
    mutating func appendInterpolation(_ number: Int) { markup += String(number) }

    mutating func appendInterpolation(_ text: String) {
      // The data of pictures is most of a page and needs no escaping.
      guard text.utf8.contains(where: Self.special.contains) else { return markup += text }
      for scalar in text.unicodeScalars {
        switch scalar {
        case "&": markup += "&amp;"
        case "<": markup += "&lt;"
        case ">": markup += "&gt;"
        case "\"": markup += "&quot;"
        case "'": markup += "&#39;"
        // An HTML parser would drop or change these characters.
        case "\0", "\r": markup += "\u{FFFD}"
        default: markup.unicodeScalars.append(scalar)
        }
      }
    }
  }
}
