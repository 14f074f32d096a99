/// Parts of a text that are not printed.
enum Secrets {
  /// The text without the user and the password of the URLs in it: `https://user:password@host` becomes `https://…@host`.
  static func withoutUser(_ text: String) -> String {
    guard text.contains("@") else { return text }
    // The authority of a URL ends at a slash, a question mark or a number sign (RFC 3986, section 3.2). The last @ in it ends the user.
    return text.replacing(#/:\/\/[^\/?#\s]*@/#) { _ in "://…@" }
  }
}
