@_exported public import enum Ground.JSONValue

extension JSONValue {
  /// True for the same value, whether a number is written as one or as text: the service has seeds of both kinds.
  public func means(_ other: JSONValue) -> Bool { self == other || (number != nil && number == other.number) }

  private var number: Double? {
    switch self {
    case .number(let number): number
    case .string(let text): Double(text)
    default: nil
    }
  }
}
