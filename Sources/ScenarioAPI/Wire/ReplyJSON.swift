internal import Foundation
internal import Ground

/// Reads the JSON of a reply.
enum ReplyJSON {
  /// A value of the JSON of a reply.
  ///
  /// - Throws: A `DecodingError`, or `JSONNesting.Excess`.
  static func value<Value: Decodable>(_ type: Value.Type, of bytes: [UInt8]) throws -> Value {
    try JSONNesting.check(bytes.span)
    return try JSONDecoder().decode(type, from: Data(bytes))
  }
}
