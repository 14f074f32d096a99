/// Ids as the service writes them: a prefix, an underscore, and random letters and digits.
enum Identifier {
  private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

  /// A new id of 22 random characters (128 bits).
  static func make(_ prefix: String, entropy: () -> UInt64) -> String {
    var text = prefix + "_"
    for _ in 0..<2 {
      var bits = entropy()
      for _ in 0..<11 {
        text.append(alphabet[Int(bits % 62)])
        bits /= 62
      }
    }
    return text
  }

  /// True for `^[A-Za-z0-9][A-Za-z0-9_.-]*$` of at most 128 characters (ASSUMED, as in the OpenAPI file).
  static func isWellFormed(_ id: String) -> Bool {
    let isPlain = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"):
        true
      default: false
      }
    }
    return (1...128).contains(id.utf8.count) && id.utf8.first.map(isPlain) == true
      && id.utf8.allSatisfy { isPlain($0) || "_.-".utf8.contains($0) }
  }
}
