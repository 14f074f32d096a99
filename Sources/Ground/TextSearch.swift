extension String {
  /// True where a part occurs in the text, byte for byte.
  ///
  /// `contains(_:)` of a string, and regular expressions, are of a module of their own, 1.3 MB in a library that links it statically.
  package func contains(part: String) -> Bool {
    let (text, part) = (Array(utf8), Array(part.utf8))
    guard part.count <= text.count else { return false }
    return (0...text.count - part.count).contains { text[$0...].starts(with: part) }
  }
}
