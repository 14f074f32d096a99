internal import Foundation

/// The encodings of text files that editors write.
enum TextEncoding {
  /// Decodes a text: UTF-8 with or without a byte order mark, or UTF-16 with one. The mark is not part of the text.
  ///
  /// - Returns: The text; nil for bytes that are not valid in their encoding.
  static func text(_ bytes: [UInt8]) -> String? {
    switch (bytes.first, bytes.dropFirst().first) {
    case (0xFF, 0xFE): utf16(bytes[2...], high: 1)
    case (0xFE, 0xFF): utf16(bytes[2...], high: 0)
    default: String(validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...], as: UTF8.self)
    }
  }

  /// Decodes UTF-16. `high` is the index of the high byte in each pair of bytes.
  private static func utf16(_ bytes: ArraySlice<UInt8>, high: Int) -> String? {
    guard bytes.count.isMultiple(of: 2) else { return nil }
    let units = stride(from: bytes.startIndex, to: bytes.endIndex, by: 2).map { start in
      UInt16(bytes[start + high]) << 8 | UInt16(bytes[start + 1 - high])
    }
    return String(validating: units, as: UTF16.self)
  }
}

/// The text of a prompt. A damaged text is refused, because its job would be paid for.
enum PromptText {
  /// Reads a prompt from a small file, standard input (`-`) or a pipe, without white space around it.
  ///
  /// - Throws: Status 2 for a file that cannot be read or decoded, or that holds NUL.
  static func read(_ path: String) async throws(CommandError) -> String {
    let bytes = try await SmallText.bytes(
      at: path,
      orThrow: .usage(
        "the prompt file \(path) cannot be read as a text file of at most 64 KB", remedy: "check --prompt-file"))
    guard let text = TextEncoding.text(bytes), isText(text) else {
      throw .usage("the prompt file \(path) is not text in UTF-8 or UTF-16", remedy: "save it as UTF-8")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// True for text without NUL and without U+FFFD, which stands for bytes that could not be decoded.
  static func isText(_ text: String) -> Bool {
    !text.unicodeScalars.contains { $0 == "\0" || $0 == "\u{FFFD}" }
  }
}
