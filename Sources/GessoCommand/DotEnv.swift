/// The `.env` file of the working directory: `NAME=value` lines, a common place for keys.
package struct DotEnv: Sendable {
  /// What the file sets, unless it may not be trusted.
  package let values: [String: String]
  /// Why the file may not be trusted, when it sets something of ours.
  package let distrust: CommandError?

  /// Reads `.env` in `folder`; one that is missing, empty or of no concern to this program sets nothing.
  ///
  /// A file that sets a name `isOurs` is trusted only when it belongs to the user and is closed to everyone else (0600
  /// or less): whoever can write it could send a key elsewhere.
  package init(folder: String, isOurs: (String) -> Bool) {
    guard let file = SettingsFile(path: folder + "/.env") else {
      (values, distrust) = ([:], nil)
      return
    }
    let ours = Self.parse(file.text).filter { isOurs($0.key) }
    if ours.isEmpty || file.isPrivate {
      (values, distrust) = (ours, nil)
    } else {
      values = [:]
      distrust = CommandError(
        "untrusted-env", stage: "configure", ".env belongs to someone else or is open to others",
        remedy: "make sure that it is yours, then run chmod 600 .env", status: .credentials)
    }
  }

  /// `NAME=value` a line, `export ` allowed before it, `#` lines and others skipped. Quotes around a value are taken off;
  /// nothing is expanded.
  package static func parse(_ text: String) -> [String: String] {
    var values: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      var line = trimmed(line)
      if line.hasPrefix("export ") { line = trimmed(line.dropFirst(7)) }
      guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
      let name = trimmed(line[..<equals])
      var value = trimmed(line[line.index(after: equals)...])
      if let quote = value.first, quote == "\"" || quote == "'", value.count >= 2, value.last == quote {
        value = value.dropFirst().dropLast()
      } else if let comment = value.range(ofComment: " #") {
        value = trimmed(value[..<comment])
      }
      values[String(name)] = String(value)
    }
    return values
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return text
  }
}

extension Substring {
  /// Where a comment begins that follows an unquoted value.
  fileprivate func range(ofComment mark: String) -> Substring.Index? {
    indices.first { self[$0...].hasPrefix(mark) }
  }
}
