/// Words as a shell reads them.
package enum ShellWords {
  /// One line for a shell, with quotes if they are needed.
  package static func line(_ words: [String]) -> String {
    words.map { word(of: [UInt8]($0.utf8)) }.joined(separator: " ")
  }

  /// These bytes as one word for sh. If they are not UTF-8, the word is one for bash, zsh and ksh.
  package static func word(of bytes: [UInt8]) -> String {
    guard let word = String(validating: bytes, as: UTF8.self) else { return ansiQuoted(bytes) }
    if !word.isEmpty, word.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_./:=,@%+-".contains($0)) }) {
      return word
    }
    // `replacing` is not used: it would link the module of regular expressions into the library for C programs.
    return "'" + word.map { $0 == "'" ? #"'\''"# : String($0) }.joined() + "'"
  }

  /// Bytes in the quotes `$'…'`, in which every byte can be written.
  private static func ansiQuoted(_ bytes: [UInt8]) -> String {
    let text = bytes.map { byte -> String in
      switch byte {
      case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
      case 0x20..<0x7F: String(UnicodeScalar(byte))
      default: "\\" + octal(byte)
      }
    }
    return "$'\(text.joined())'"
  }

  /// The code always has three digits, so that a digit after them is not read as part of the number.
  private static func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return String(repeating: "0", count: 3 - digits.count) + digits
  }
}
