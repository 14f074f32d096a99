/// Refuses options that are given twice, because the parser would silently use the last one: of two prompts, only one
/// would be paid for.
package enum RepeatedOptions {
  /// The options that may be given several times.
  private static let allowed: Set = ["--param", "--include", "--exclude", "--ledger", "--allow"]

  /// Refuses a command line with an option that is given twice.
  ///
  /// - Throws: Status 2.
  package static func check(_ arguments: [String]) throws(CommandError) {
    var seen: Set<String> = []
    // Arguments after the terminator are names of files.
    for word in arguments.prefix(while: { $0 != "--" }) where word.hasPrefix("--") || word == "-o" {
      let option = String(word.prefix { $0 != "=" })
      guard !allowed.contains(option), !seen.insert(option).inserted else { continue }
      throw .usage(
        "\(option) is given twice, and only one can count",
        remedy: option == "--prompt" ? "give one; another prompt is another command" : "keep one")
    }
  }
}
