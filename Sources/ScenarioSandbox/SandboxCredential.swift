/// A key and its secret, as HTTP Basic sends them. Printing it shows the key only.
public struct SandboxCredential: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  /// The user name of HTTP Basic.
  public let key: String
  /// The password of HTTP Basic.
  public let secret: String

  /// Makes a pair.
  ///
  /// - Precondition: `key` holds no colon (RFC 7617 gives such a user name no form).
  public init(key: String, secret: String) {
    precondition(!key.contains(":"), "a key holds no colon")
    self.key = key
    self.secret = secret
  }

  /// Makes a new random pair.
  public static func random() -> SandboxCredential {
    var generator = SystemRandomNumberGenerator()
    let entropy = { generator.next() }
    return SandboxCredential(
      key: Identifier.make("sandbox", entropy: entropy), secret: Identifier.make("secret", entropy: entropy))
  }

  /// The key.
  public var description: String { "SandboxCredential(\(key))" }
  /// The mirror leaves the secret out, so that `dump` does not show it.
  public var customMirror: Mirror { Mirror(self, children: ["key": key]) }
}
