/// The fields of one JSON object of a recipe. Fields with their default value are left out, and unknown fields are refused.
///
/// If unknown fields were ignored, a recipe of a later version, or one with a mistyped name, would be carried out only in part.
struct RecipeJSONFields<Key: CodingKey & CaseIterable & Hashable> {
  private let values: KeyedDecodingContainer<Key>

  /// Opens the object.
  ///
  /// - Throws: `DecodingError.dataCorrupted` that names the unknown field.
  init(of decoder: any Decoder) throws {
    let known = Set(Key.allCases.map(\.stringValue))
    for key in try decoder.container(keyedBy: AnyKey.self).allKeys.sorted(by: { $0.stringValue < $1.stringValue })
    where !known.contains(key.stringValue) {
      throw Self.refused("is unknown to this version", key, decoder.codingPath)
    }
    values = try decoder.container(keyedBy: Key.self)
  }

  /// The value of a field.
  func decode<Value: Decodable>(_ key: Key, as: Value.Type = Value.self) throws -> Value {
    try values.decode(Value.self, forKey: key)
  }

  /// The value of a field; the default if it is left out.
  func decode<Value: Decodable>(_ key: Key, default value: Value) throws -> Value {
    values.contains(key) ? try values.decode(Value.self, forKey: key) : value
  }

  /// The value of a field; nil if it is left out.
  func decodeIfPresent<Value: Decodable>(_ key: Key, as: Value.Type = Value.self) throws -> Value? {
    values.contains(key) ? try values.decode(Value.self, forKey: key) : nil
  }

  /// Throws if there are fields other than these, because other fields have no meaning together with `what`.
  ///
  /// - Throws: `DecodingError.dataCorrupted` that names the field.
  func checkOnly(_ keys: [Key], with what: String) throws {
    if let key = Key.allCases.first(where: { values.contains($0) && !keys.contains($0) }) {
      throw Self.refused("has no meaning with \(what)", key, values.codingPath)
    }
  }

  /// Refuses a field that has no meaning without others.
  ///
  /// - Throws: `DecodingError.dataCorrupted` that names the field.
  func refuse(_ key: Key, without others: String) throws {
    if values.contains(key) { throw Self.refused("has no meaning without \(others)", key, values.codingPath) }
  }

  private static func refused(_ why: String, _ key: any CodingKey, _ path: [any CodingKey]) -> DecodingError {
    let name = (path + [key]).map(\.stringValue).joined(separator: ".")
    return .dataCorrupted(
      DecodingError.Context(codingPath: path + [key], debugDescription: "the recipe's field \(name) \(why)"))
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = (String(intValue), intValue) }
  }
}

extension KeyedEncodingContainer {
  /// Writes a field, unless it has its default value.
  mutating func encode<Value: Encodable & Equatable>(
    _ value: Value, forKey key: Key, unless standard: Value
  ) throws {
    if value != standard { try encode(value, forKey: key) }
  }
}
