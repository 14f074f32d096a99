/// A piece of an HTML page.
///
/// Only literals are markup. Whatever is interpolated is text and is escaped, for elements and for attributes in quotation marks, unless
/// it is an `HTML` itself: so that a name or a prompt cannot become markup by an oversight.
struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
  /// The markup.
  private(set) var markup: String

  init(stringLiteral markup: String) { self.markup = markup }
  init(stringInterpolation pieces: Pieces) { markup = pieces.markup }

  /// Markup of this package that is no literal: its style and its script.
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
      // The data of a picture has none of these, and is most of a page.
      guard text.utf8.contains(where: Self.special.contains) else { return markup += text }
      for scalar in text.unicodeScalars {
        switch scalar {
        case "&": markup += "&amp;"
        case "<": markup += "&lt;"
        case ">": markup += "&gt;"
        case "\"": markup += "&quot;"
        case "'": markup += "&#39;"
        // A parser of HTML would drop or change them.
        case "\0", "\r": markup += "\u{FFFD}"
        default: markup.unicodeScalars.append(scalar)
        }
      }
    }
  }
}
