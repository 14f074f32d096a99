/// Makes text of the service fit for one line of output: without control characters and queries of URLs (which sign downloads),
/// 500 characters at most.
func printable(_ text: String) -> String {
  let start = text.prefix(4096).replacing(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/.ignoresCase()) {
    "\($0.output.1)?…"
  }
  let words = start.unicodeScalars.split { $0.properties.isWhitespace || $0.properties.generalCategory == .control }
  return String(words.map(String.init).joined(separator: " ").prefix(500))
}
