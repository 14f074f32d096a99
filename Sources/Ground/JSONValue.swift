/// Any JSON value: for fields that only a model's description names, and for the parts of a request that the service repeats in its job.
public enum JSONValue: Codable, Sendable, Hashable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number.
  case number(Double)
  /// A whole number that a `Double` does not hold exactly: above 2^53, or below -2^53. Others are a ``number(_:)``.
  case integer(Int64)
  /// Text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// An object.
  case object([String: JSONValue])

  /// Reads any value.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let number = try? value.decode(Double.self) {
      self = Self.exact(number, or: try? value.decode(Int64.self))
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([JSONValue].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  private static func exact(_ number: Double, or integer: Int64?) -> JSONValue {
    guard let integer, Int64(exactly: number) != integer else { return .number(number) }
    return .integer(integer)
  }

  /// Writes the value; whole numbers without a fraction.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let bool): try container.encode(bool)
    case .number(let number):
      if let integer = Int64(exactly: number) { try container.encode(integer) } else { try container.encode(number) }
    case .integer(let integer): try container.encode(integer)
    case .string(let string): try container.encode(string)
    case .array(let array): try container.encode(array)
    case .object(let object): try container.encode(object)
    }
  }
}
