internal import Foundation

/// The key and secret of an account, for HTTP Basic authentication.
///
/// It cannot print itself: descriptions, mirrors, `dump` and log metadata show a placeholder, and it is not `Codable`.
public struct ScenarioCredential: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let headerValue: String

  /// Makes a credential.
  ///
  /// - Throws: A ``ScenarioError`` with the code `invalid-configuration` if the key or the secret is empty or contains white space or
  ///   control characters, or if the key contains a colon, which HTTP Basic does not permit (RFC 7617). The message never quotes the key or
  ///   the secret.
  public init(key: String, secret: String) throws(ScenarioError) {
    for (name, part) in [("key", key), ("secret", secret)] {
      let isClean = part.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
      guard !part.isEmpty, isClean else {
        throw ScenarioError(
          .invalidConfiguration, .notSent, stage: .configure, "the API \(name) is empty or holds white space",
          remedy: "copy it again from the service's settings")
      }
    }
    guard !key.contains(":") else {
      throw ScenarioError(
        .invalidConfiguration, .notSent, stage: .configure, "the API key holds a colon",
        remedy: "give key and secret separately")
    }
    headerValue = "Basic " + Data("\(key):\(secret)".utf8).base64EncodedString()
  }

  /// Lends the value of the `Authorization` header to a transport, which must neither store nor print it.
  public func withAuthorization<Result>(_ body: (_ headerValue: String) -> Result) -> Result { body(headerValue) }

  /// A placeholder.
  public var description: String { "ScenarioCredential(hidden)" }
  /// A placeholder.
  public var debugDescription: String { description }
  /// A mirror without children.
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
