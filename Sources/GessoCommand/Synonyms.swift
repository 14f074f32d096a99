/// Words that other programs use for flags and values of this one, each with one meaning. They are replaced before the command line is
/// parsed, so that no other file has to know them.
package enum Synonyms {
  /// Replaces the words of a command line.
  ///
  /// - Parameter arguments: The arguments, without the command's own name.
  /// - Returns: The arguments to parse, and a note for each word that was replaced.
  /// - Throws: Status 2 for sides that do not make a box.
  package static func resolved(_ arguments: [String]) throws(CommandError) -> (arguments: [String], notes: [String]) {
    // Arguments after the terminator are names of files.
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    guard let verb = arguments.first, verbs.contains(verb) else { return (arguments, []) }
    var words = Words(arguments[..<end])
    words.replaceFlag("--output", with: "-o")
    for (flag, format) in [("--png", "png"), ("--jpeg", "jpeg"), ("--jpg", "jpeg"), ("--webp", "webp")] {
      words.replaceFlag(flag, withValue: format, of: "--format")
    }
    for (flag, meanings) in values { words.replaceValue(of: flag, meanings) }
    if !["img2img", "batch"].contains(verb) { try words.replaceSides() }
    return (words.arguments + arguments[end...], words.notes)
  }

  /// The verbs that prepare images.
  private static let verbs: Set = ["prepare", "upload", "img2img", "batch"]

  /// For each flag, the words that CSS, sharp, ImageMagick, Pillow and Photoshop use for its values.
  static let values: KeyValuePairs<String, [String: String]> = [
    "--fit": ["crop": "cover", "inside": "contain", "fill": "stretch"],
    "--gravity": [
      "centre": "center", "middle": "center", "top": "north", "bottom": "south", "left": "west", "right": "east",
      "smart": "attention", "subject": "attention",
    ],
    "--filter": [
      "bicubic": "catmull-rom", "cubic": "catmull-rom", "bilinear": "triangle", "linear": "triangle",
      "lanczos": "lanczos3", "point": "nearest",
    ],
    "--for": ["flux": "flux.1-dev", "flux1": "flux.1-dev", "sd1.5": "sd15", "xl": "sdxl"],
    "--format": ["jpg": "jpeg"],
    "--subsampling": ["4:2:0": "420", "4:4:4": "444"],
  ]

  /// A command line while its words are replaced.
  private struct Words {
    private(set) var arguments: [String]
    private(set) var notes: [String] = []

    init(_ arguments: ArraySlice<String>) { self.arguments = Array(arguments) }

    mutating func replaceFlag(_ flag: String, with other: String) {
      guard let index = arguments.firstIndex(where: { $0 == flag || $0.hasPrefix(flag + "=") }) else { return }
      let value = arguments[index].dropFirst(flag.count + 1)
      arguments.replaceSubrange(index...index, with: value.isEmpty ? [other] : [other, String(value)])
      notes.append("\(flag) is \(other)")
    }

    /// Replaces a flag without a value by the value of another flag.
    mutating func replaceFlag(_ flag: String, withValue value: String, of other: String) {
      guard let index = arguments.firstIndex(of: flag) else { return }
      arguments.replaceSubrange(index...index, with: [other, value])
      notes.append("\(flag) is \(other) \(value)")
    }

    mutating func replaceValue(of flag: String, _ meanings: [String: String]) {
      guard let found = value(of: flag), let meaning = meanings[found.text.lowercased()] else { return }
      arguments.replaceSubrange(found.place, with: [flag, meaning])
      notes.append("\(flag) \(found.text) is \(flag) \(meaning)")
    }

    /// `--width` and `--height` are the sides of a box.
    mutating func replaceSides() throws(CommandError) {
      let typed = ["--width", "--height"].filter { value(of: $0) != nil }
      guard !typed.isEmpty else { return }
      guard value(of: "--size") == nil else {
        throw .usage("--size and \(typed[0]) exclude each other", remedy: "keep one")
      }
      // `--size` is inserted before both, so that no other option is separated from its value.
      let place = typed.compactMap { value(of: $0)?.place.lowerBound }.min() ?? 0
      let given = typed.map { "\($0) \(value(of: $0)?.text ?? "")" }.joined(separator: " ")
      let sides = try ["--width", "--height"].map { flag throws(CommandError) -> String in
        guard let found = value(of: flag) else { return "" }
        guard let side = Int(found.text), side > 0 else {
          throw .usage("\(flag) takes a number of pixels, not \(found.text)", remedy: "for example \(flag) 800")
        }
        return String(side)
      }
      for flag in typed { if let found = value(of: flag) { arguments.removeSubrange(found.place) } }
      let box = sides.joined(separator: "x")
      arguments.insert(contentsOf: ["--size", box], at: min(place, arguments.count))
      notes.append("\(given) is --size \(box)")
    }

    /// The last value of a flag, as `--flag value` or `--flag=value`.
    private func value(of flag: String) -> (place: Range<Int>, text: String)? {
      guard let index = arguments.lastIndex(where: { $0 == flag || $0.hasPrefix(flag + "=") }) else { return nil }
      let word = arguments[index]
      guard word == flag else { return (index..<index + 1, String(word.dropFirst(flag.count + 1))) }
      return index + 1 < arguments.count ? (index..<index + 2, arguments[index + 1]) : nil
    }
  }
}
