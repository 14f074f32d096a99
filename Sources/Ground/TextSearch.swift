extension String {
  /// True if a part occurs in the text, byte for byte.
  ///
  /// `contains(_:)` of a string is not used: like regular expressions, it needs a module of Swift that adds 1.3 MB to a library that links
  /// it statically.
  package func contains(part: String) -> Bool {
    let (text, part) = (Array(utf8), Array(part.utf8))
    guard part.count <= text.count else { return false }
    return (0...text.count - part.count).contains { text[$0...].starts(with: part) }
  }
}
