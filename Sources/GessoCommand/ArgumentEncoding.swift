internal import Ground

/// Checks the encoding of arguments: the system passes bytes, and the command expects UTF-8.
///
/// `CommandLine.arguments` replaces invalid bytes. A file with such a name could then not be opened, and two outputs
/// could get the same name.
enum ArgumentEncoding {
  /// Refuses the command if an argument is not UTF-8.
  ///
  /// - Throws: Status 2.
  static func check() throws(CommandError) {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let word = unsafe CommandLine.unsafeArgv[index] else { return }
      try check(unsafe [UInt8](UnsafeRawBufferPointer(start: word, count: strlen(word))))
    }
  }

  /// Refuses an argument of these bytes if they are not UTF-8.
  ///
  /// - Throws: Status 2.
  static func check(_ argument: [UInt8]) throws(CommandError) {
    guard String(validating: argument, as: UTF8.self) == nil else { return }
    let name = ShellWords.word(of: argument)
    throw .usage(
      "the argument \(name) is not UTF-8, and nothing was done",
      remedy: "rename a file first, for example: mv \(name) NEW-NAME (many of them: convmv); give text in UTF-8")
  }
}
