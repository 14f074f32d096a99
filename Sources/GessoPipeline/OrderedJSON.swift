/// JSON whose keys keep the order they were given in, for people who read it; programs do not care.
///
/// `JSONEncoder` orders keys by hash or by alphabet, so the command's and the records' JSON is built from this instead.
package indirect enum OrderedJSON: Sendable, Equatable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A whole number.
  case integer(Int)
  /// A number; infinities and NaN become `null`, which JSON has instead.
  case number(Double)
  /// Text.
  case string(String)
  /// A list.
  case array([OrderedJSON])
  /// Members in the order they are written.
  case object([(key: String, value: OrderedJSON)])
  /// JSON text that was made by ``line`` before.
  case verbatim(String)

  /// Text, or `null` without any.
  package static func optional(_ text: String?) -> OrderedJSON { text.map(OrderedJSON.string) ?? .null }
  /// A whole number, or `null` without any.
  package static func optional(_ number: Int?) -> OrderedJSON { number.map(OrderedJSON.integer) ?? .null }
  /// A number, or `null` without any.
  package static func optional(_ number: Double?) -> OrderedJSON { number.map(OrderedJSON.number) ?? .null }

  /// The text on one line, without spaces.
  package var line: String {
    var text = ""
    write(to: &text, indent: nil)
    return text
  }

  /// The text over several lines, indented by two spaces a level, with a line feed at the end.
  package var document: String {
    var text = ""
    write(to: &text, indent: 0)
    return text + "\n"
  }

  package static func == (a: OrderedJSON, b: OrderedJSON) -> Bool { a.line == b.line }

  private func write(to text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? value.description : "null"
    case .verbatim(let value): text += value
    case .string(let value): Self.quote(value, to: &text)
    case .array(let values):
      Self.writeList(values, brackets: ("[", "]"), to: &text, indent: indent) { value, text, indent in
        value.write(to: &text, indent: indent)
      }
    case .object(let members):
      Self.writeList(members, brackets: ("{", "}"), to: &text, indent: indent) { member, text, indent in
        Self.quote(member.key, to: &text)
        text += indent == nil ? ":" : ": "
        member.value.write(to: &text, indent: indent)
      }
    }
  }

  private static func writeList<Element>(
    _ elements: [Element], brackets: (String, String), to text: inout String, indent: Int?,
    element: (Element, inout String, Int?) -> Void
  ) {
    text += brackets.0
    let inner = indent.map { $0 + 1 }
    for (index, value) in elements.enumerated() {
      if index > 0 { text += "," }
      if let inner { text += "\n" + String(repeating: "  ", count: inner) }
      element(value, &text, inner)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
    text += brackets.1
  }

  /// RFC 8259, section 7: quotes, backslashes and controls are escaped, everything else stands as UTF-8.
  private static func quote(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
