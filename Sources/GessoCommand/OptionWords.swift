/// The options of a verb, by every name they have.
struct OptionTable: Sendable {
  /// An option: its longest name, and whether a value follows it.
  struct Entry: Sendable, Equatable {
    let name: String
    let takesValue: Bool
  }

  private let entries: [String: Entry]

  /// The options of the verb with this name.
  init(of verb: String) {
    var entries: [String: Entry] = [:]
    for option in UsageText([verb]).options {
      guard let name = option.spelledNames.max(by: { $0.count < $1.count }) else { continue }
      for spelled in option.spelledNames { entries[spelled] = Entry(name: name, takesValue: option.kind == "option") }
    }
    self.entries = entries
  }

  subscript(name: String) -> Entry? { entries[name] }
  var names: [String] { entries.keys.filter { $0.hasPrefix("--") } }
}

/// The words of a command line, as options with their values and as operands.
struct OptionWords: Sendable {
  /// An option that was given, by its longest name.
  struct Option: Sendable, Equatable {
    var name: String
    /// Nil for a flag.
    var value: String?

    /// The option and its value as one word, so that the value cannot be taken for another word of the command line.
    var word: String { value.map { "\(name)=\($0)" } ?? name }
  }

  private(set) var options: [Option] = []
  private(set) var operands: [String] = []

  /// Reads words that the argument parser has accepted.
  init(_ words: [String], _ table: OptionTable) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        operands += rest
        return
      }
      guard word.hasPrefix("-"), word != "-" else {
        operands.append(word)
        continue
      }
      let name = String(word.prefix { $0 != "=" })
      if let entry = table[name] {
        let value = name == word ? (entry.takesValue ? rest.popFirst() : nil) : String(word.dropFirst(name.count + 1))
        options.append(Option(name: entry.name, value: value))
      } else if !word.hasPrefix("--") {
        // Several short flags in one word.
        for letter in word.dropFirst() {
          if let entry = table["-\(letter)"] { options.append(Option(name: entry.name)) }
        }
      }
    }
  }
}
