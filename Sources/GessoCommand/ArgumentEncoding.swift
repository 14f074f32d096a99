internal import Ground

/// The encoding of arguments: the system's are bytes, and those of the command are UTF-8.
///
/// `CommandLine.arguments` replaces other bytes, so that a file of such a name could not be opened, and two outputs would have one name.
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
    let name = quoted(argument)
    throw .usage(
      "the argument \(name) is not UTF-8, and nothing was done",
      remedy: "rename a file first, for example: mv \(name) NEW-NAME (many of them: convmv); give text in UTF-8")
  }

  /// The argument as bash, zsh and ksh read it.
  private static func quoted(_ argument: [UInt8]) -> String {
    let text = argument.map { byte -> String in
      switch byte {
      case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
      case 0x20..<0x7F: String(UnicodeScalar(byte))
      default: "\\" + octal(byte)
      }
    }
    return "$'\(text.joined())'"
  }

  /// Three digits, so that a digit that follows belongs to the name.
  private static func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return String(repeating: "0", count: 3 - digits.count) + digits
  }
}
