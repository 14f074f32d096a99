@_exported public import enum Ground.JSONValue

extension JSONValue {
  /// True for equal values, also where one is a number and the other one the same number as text: the service writes seeds in both
  /// ways.
  public func means(_ other: JSONValue) -> Bool { self == other || (number != nil && number == other.number) }

  private var number: Double? {
    switch self {
    case .number(let number): number
    case .string(let text): Double(text)
    default: nil
    }
  }
}
