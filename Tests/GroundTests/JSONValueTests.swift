import Foundation
import Ground
import Testing

@Suite("JSON values")
struct JSONValueTests {
  @Test(
    "a value is read as what it is, and written as it was",
    arguments: [
      ("null", JSONValue.null), ("true", .bool(true)), ("0", .number(0)), ("1", .number(1)), ("0.25", .number(0.25)),
      ("9007199254740992", .number(9_007_199_254_740_992)),
      ("9007199254740993", .integer(9_007_199_254_740_993)),
      ("-9223372036854775807", .integer(-9_223_372_036_854_775_807)),
      ("{\"seed\":1234567890123456789}", .object(["seed": .integer(1_234_567_890_123_456_789)])),
      ("\"1\"", .string("1")), ("[]", .array([])),
      ("[1,\"a\",null]", .array([.number(1), .string("a"), .null])),
      ("{\"a\":{\"b\":false}}", .object(["a": .object(["b": .bool(false)])])),
    ])
  func roundTrip(text: String, value: JSONValue) throws {
    #expect(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) == value)
    #expect(try String(decoding: JSONEncoder().encode(value), as: UTF8.self) == text)
  }
}
