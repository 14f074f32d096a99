internal import Ground

/// A small text that a flag names: a file, `-` for standard input, or a pipe.
enum SmallText {
  /// Reads the bytes of the text. The limit is the size of a settings file.
  ///
  /// - Throws: `error` for anything else; status 3 for a pipe that cannot be read.
  static func bytes(at path: String, orThrow error: CommandError) async throws(CommandError) -> [UInt8] {
    if let pipe = try PipedInput(path) {
      return try await pipe.bytes(limit: SettingsFile.largestSize, orThrow: error)
    }
    let bytes =
      if path == "-" {
        try? wholeFile(descriptor: STDIN_FILENO, name: "standard input")
      } else {
        SettingsFile(path: path)?.bytes
      }
    guard let bytes, bytes.count <= SettingsFile.largestSize else { throw error }
    return bytes
  }
}
