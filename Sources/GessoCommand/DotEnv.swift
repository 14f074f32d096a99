internal import Ground

/// The `.env` file of the working directory: `NAME=value` lines, a common place for keys.
package struct DotEnv: Sendable {
  /// The variables of this program that the file sets, to be used only if ``distrust`` is nil.
  package let values: [String: String]
  /// The reason why the file may not be trusted, if it sets a variable of this program.
  package let distrust: CommandError?

  /// Reads `.env` in `folder`. A file that is missing or empty, or that sets no variable of this program, is ignored.
  ///
  /// A file that sets a variable for which `isOurs` is true is trusted only if it belongs to the user and no other user may read or write
  /// it (0600 or less): another user who can write the file could send the key to another host.
  package init(folder: String, isOurs: (String) -> Bool) {
    guard let file = SettingsFile(path: folder + "/.env") else {
      (values, distrust) = ([:], nil)
      return
    }
    values = Self.parse(file.text).filter { isOurs($0.key) }
    if values.isEmpty || file.isPrivate {
      distrust = nil
    } else {
      distrust = CommandError(
        "untrusted-env", stage: .configure, ".env belongs to someone else or is open to others",
        remedy: "make sure that it is yours, then run chmod 600 .env", status: .credentials)
    }
  }

  /// Reads lines of the form `NAME=value`, with or without `export ` before them; all other lines are skipped. Quotes around a
  /// value are removed. Nothing is expanded.
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
  /// The beginning of a comment after an unquoted value.
  fileprivate func range(ofComment mark: String) -> Substring.Index? {
    indices.first { self[$0...].hasPrefix(mark) }
  }
}
