/// The version of the package, of its command and of what it calls itself to servers.
package enum Version {
  /// Three numbers (Semantic Versioning 2.0.0). `Scripts/check-version` compares the other places that name it.
  package static let current = "0.2.0"
}
