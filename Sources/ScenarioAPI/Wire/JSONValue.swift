@_exported public import enum Ground.JSONValue

extension JSONValue {
  /// The number, even if it is written as text.
  var number: Double? {
    switch self {
    case .number(let number): number
    case .integer(let integer): Double(integer)
    case .string(let text): Double(text)
    default: nil
    }
  }

  /// A text that is not empty, or a whole number as text.
  var text: String? {
    switch self {
    case .string(let text): text.isEmpty ? nil : text
    case .number(let number): Int64(exactly: number).map(String.init)
    case .integer(let integer): String(integer)
    default: nil
    }
  }
}
