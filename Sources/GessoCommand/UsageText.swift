internal import ArgumentParser
internal import Foundation

/// The message about a command line that cannot be parsed: one line with the wrong word, the possible values and an
/// example.
struct UsageText {
  private let verb: KnownVerb

  /// The command with all verbs, as the argument parser describes it. The description is made once, which takes 15 ms.
  private static let command =
    (try? JSONDecoder().decode(Tool.self, from: Data(Gesso._dumpHelp().utf8)))?.command ?? KnownVerb()

  /// Reads the argument parser's description of the verb that `arguments` begin with.
  init(_ arguments: [String]) {
    var verb = Self.command
    for word in arguments {
      guard let next = verb.subcommands?.first(where: { $0.commandName == word }) else { break }
      verb = next
    }
    if let standard = verb.subcommands?.first(where: { $0.commandName == verb.defaultSubcommand }) { verb = standard }
    self.verb = verb
  }

  /// The options of the verb.
  var options: [KnownOption] { verb.options }

  /// The first unknown option and the most similar known one. It is reported before any other error.
  func unknownOption(in arguments: [String]) -> (name: String, meant: String?)? {
    var words = arguments.prefix { $0 != "--" }[...]
    while let word = words.popFirst() {
      guard word.hasPrefix("-"), word != "-", Double(word) == nil else { continue }
      let name = String(word.prefix { $0 != "=" })
      guard let option = verb.options.first(where: { $0.isNamed(name) }) else {
        return (name, nearest(to: name, among: verb.options.flatMap(\.spelledNames)))
      }
      if option.kind == "option", name == word { words = words.dropFirst() }
    }
    return nil
  }

  /// For the parser's message about a bad value: a message with the values of the flag, and an example. Nil for all other messages of the
  /// parser.
  func badValue(_ message: String) -> (message: String, example: String?)? {
    guard let match = message.wholeMatch(of: /(?s)The value '(.*?)' is invalid for '(--?[a-z-]+)(?: <.*?>)?'.*/) else {
      return nil
    }
    let (value, flag) = (String(match.1), String(match.2))
    if let form = Self.forms[flag] { return ("\(flag) takes \(form.what), not \(value)", "\(flag) \(form.example)") }
    guard let values = verb.options.first(where: { $0.isNamed(flag) })?.allValues, let first = values.first else {
      return ("\(flag) does not take \(value)", nil)
    }
    let list = values.count > 1 ? values.dropLast().joined(separator: ", ") + " or " + values[values.count - 1] : first
    return ("\(flag) takes \(list), not \(value)", "\(flag) \(nearest(to: value, among: values) ?? first)")
  }

  /// The values of flags that are not lists of words.
  static let forms: [String: (what: String, example: String)] = [
    "--size": ("the sides of a box in pixels", "1024x768, or 1024x for its width alone"),
    "--focus": ("a point of the image", "0.85,0.4 or 85%,40%"),
    "--max-bytes": ("a number of bytes", "300kB or 3.5MB"),
    "--max-pixels": megapixels,
    "--max-input-pixels": megapixels,
    "--background": ("a color", "white, #888 or #FF8000"),
    "--bits": ("8, 16 or auto", "16"),
  ]

  private static let megapixels = (
    what: "megapixels, up to \(Int(MegapixelsArgument.largest))", example: "1 or 1.5MP"
  )
}

/// The name that was probably meant: it begins with the typed text, or differs from it in at most a quarter of the
/// letters.
func nearest(to typed: String, among names: [String]) -> String? {
  let typed = typed.lowercased()
  guard typed.count > 3 else { return nil }
  let close = names.map { (name: $0, distance: editDistance(typed, $0.lowercased())) }
    .filter { $0.distance <= max(1, min(typed.count, $0.name.count) / 4) }
    .min { $0.distance < $1.distance }
  if let close { return close.name }
  return names.first { $0.lowercased().hasPrefix(typed) || typed.hasPrefix($0.lowercased() + "-") }
}

/// The insertions, removals and replacements of letters that make one text the other (Levenshtein).
private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = i
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
    }
  }
  return row[b.count]
}

/// The part of the argument parser's own description (JSON) that is read here.
private struct Tool: Decodable { var command: KnownVerb }

struct KnownVerb: Decodable {
  var commandName = ""
  var subcommands: [KnownVerb]?
  var defaultSubcommand: String?
  var arguments: [KnownOption]?

  var options: [KnownOption] { (arguments ?? []).filter { $0.kind != "positional" } }
}

struct KnownOption: Decodable {
  struct Name: Decodable {
    var kind: String
    var name: String
  }

  var kind: String
  var names: [Name]?
  var abstract: String?
  var valueName: String?
  var allValues: [String]?
  var defaultValue: String?

  /// The lowest and the highest value, from a placeholder such as `0.01…1`; nil for an option without one.
  var range: (least: Double, most: Double)? {
    let numbers = valueName?.split(separator: "…").compactMap { Double($0) } ?? []
    return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
  }

  var spelledNames: [String] { (names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name } }

  /// True also for the first of several short flags in one word.
  func isNamed(_ word: String) -> Bool {
    spelledNames.contains { $0 == word || ($0.count == 2 && !word.hasPrefix("--") && word.hasPrefix($0)) }
  }
}
