@_exported public import enum Ground.JSONValue

extension JSONValue {
  /// True for equal values, also where one is a number and the other one the same number as text: the service writes seeds in both
  /// ways.
  public func means(_ other: JSONValue) -> Bool { self == other || (number != nil && number == other.number) }

  /// A number, also where it is written as text.
  var number: Double? {
    switch self {
    case .number(let number): number
    case .string(let text): Double(text)
    default: nil
    }
  }

  /// A text that is not empty, or a whole number as text.
  var text: String? {
    switch self {
    case .string(let text): text.isEmpty ? nil : text
    case .number(let number): Int64(exactly: number).map(String.init)
    default: nil
    }
  }
}
