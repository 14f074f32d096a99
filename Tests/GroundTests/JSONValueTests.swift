import Foundation
import Ground
import Testing

@Suite("JSON values")
struct JSONValueTests {
  @Test(
    "a value is read as what it is, and written as it was",
    arguments: [
      ("null", JSONValue.null), ("true", .bool(true)), ("0", .number(0)), ("1", .number(1)), ("0.25", .number(0.25)),
      ("9007199254740992", .number(9_007_199_254_740_992)), ("\"1\"", .string("1")), ("[]", .array([])),
      ("[1,\"a\",null]", .array([.number(1), .string("a"), .null])),
      ("{\"a\":{\"b\":false}}", .object(["a": .object(["b": .bool(false)])])),
    ])
  func roundTrip(text: String, value: JSONValue) throws {
    #expect(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) == value)
    #expect(try String(decoding: JSONEncoder().encode(value), as: UTF8.self) == text)
  }
}
