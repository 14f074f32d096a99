internal import Foundation

/// A number that the service writes as a number or, sometimes, as text (contract, section 7).
protocol LenientNumber: Decodable {}

extension Bool: LenientNumber {}
extension Decimal: LenientNumber {}
extension Double: LenientNumber {}
extension Int: LenientNumber {}

extension KeyedDecodingContainer {
  /// Decodes an optional field: nil if it is missing, null or of another type.
  func lenient<Value: Decodable>(_ type: Value.Type = Value.self, forKey key: Key) -> Value? {
    try? decode(type, forKey: key)
  }

  /// Decodes a number, even if it is written as text; nil if the text is not exactly one number of JSON.
  func lenient<Value: LenientNumber>(_ type: Value.Type = Value.self, forKey key: Key) -> Value? {
    if let value = try? decode(type, forKey: key) { return value }
    guard let text = try? decode(String.self, forKey: key) else { return nil }
    return try? JSONDecoder().decode(type, from: Data(text.utf8))
  }
}

/// A list without those of its elements that cannot be read.
struct LossyArray<Element: Decodable>: Decodable {
  let elements: [Element]

  init(from decoder: any Decoder) throws {
    elements = try decoder.singleValueContainer().decode([Attempt].self).compactMap(\.element)
  }

  /// Decodes one element, or skips it.
  private struct Attempt: Decodable {
    let element: Element?

    init(from decoder: any Decoder) throws { element = try? decoder.singleValueContainer().decode(Element.self) }
  }
}

/// A message of the service: text, or an object with a `message`.
struct ServiceWords: Decodable {
  let text: String

  private enum Key: String, CodingKey { case message }

  init(from decoder: any Decoder) throws {
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      self.text = text
    } else {
      text = try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .message)
    }
  }
}
