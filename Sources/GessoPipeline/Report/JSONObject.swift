internal import Foundation
internal import Ground

/// A JSON object for scripts and people: a line of the command's output, or the record beside a result.
///
/// A member whose value is nil is written as `null`, so that an object always has the same members.
package struct JSONObject: Encodable, Sendable, ExpressibleByDictionaryLiteral {
  package typealias Member = any Encodable & Sendable

  private var members: [String: Member]

  package init(dictionaryLiteral members: (String, Member)...) {
    self.members = Dictionary(members) { $1 }
  }

  /// Adds members; they replace those of the same name.
  package func adding(_ other: JSONObject) -> JSONObject {
    var sum = self
    sum.members.merge(other.members) { $1 }
    return sum
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    for (name, value) in members { try container.encode(value, forKey: Name(stringValue: name)) }
  }
}

/// Writes and reads JSON. Members are sorted by name, so that equal values give equal texts.
package enum JSONText {
  /// A value on one line.
  ///
  /// - Throws: An `EncodingError` for a number that JSON cannot hold: infinite, or not a number.
  package static func line(_ value: some Encodable) throws -> String { try text(value, []) }

  /// A value over several lines, with a line feed at the end, for people.
  ///
  /// - Throws: The errors of ``line(_:)``.
  package static func document(_ value: some Encodable) throws -> String { try text(value, .prettyPrinted) + "\n" }

  /// Reads text, such as ``line(_:)`` writes it.
  ///
  /// - Throws: A `DecodingError`, or `JSONNesting.Excess`.
  package static func value<Value: Decodable>(_ type: Value.Type, of text: String) throws -> Value {
    try value(type, of: Array(text.utf8))
  }

  /// Reads text as bytes in UTF-8.
  ///
  /// - Throws: A `DecodingError`, or `JSONNesting.Excess`.
  package static func value<Value: Decodable>(_ type: Value.Type, of bytes: [UInt8]) throws -> Value {
    try JSONNesting.check(bytes.span)
    return try JSONDecoder().decode(type, from: Data(bytes))
  }

  private static func text(_ value: some Encodable, _ form: JSONEncoder.OutputFormatting) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, form]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
