/// The names of outputs in a folder.
package enum OutputNaming {
  /// The part of a name before its last extension; `image` if nothing is left of it.
  ///
  /// `photos/forest.large.jpg` gives `forest.large`, `-` gives `stdin`, `https://host/a/cat.png?size=2` gives `cat`.
  package static func stem(of input: String) -> String {
    if input == "-" { return "stdin" }
    var name = input[...]
    if isURL(input) {
      name = name.prefix { $0 != "?" && $0 != "#" }
      name = name.drop { $0 != ":" }.dropFirst(3)
      // The host is not used as a name, so a URL without a path leaves none.
      name = name.drop { $0 != "/" }
    }
    while name.count > 1, name.hasSuffix("/") { name = name.dropLast() }
    name = name[(name.lastIndex(of: "/").map(name.index(after:)) ?? name.startIndex)...]
    if let dot = name.lastIndex(of: "."), dot != name.startIndex { name = name[..<dot] }
    return name.isEmpty || name == "." || name == ".." ? "image" : String(name)
  }

  /// The distinct names of outputs in a folder, without their extensions: `template` with the stem of each input for `{stem}`.
  ///
  /// If a stem already has the end of the template, nothing is added to it: `a.prepared` does not become `a.prepared.prepared`.
  package static func names(_ stems: [String], _ template: String) -> [String] {
    let end = template.firstRange(of: "{stem}").map { template[$0.upperBound...] } ?? ""
    return distinct(
      stems.map { stem in
        !end.isEmpty && stem.hasSuffix(end) && stem.count > end.count ? String(stem.dropLast(end.count)) : stem
      }
    ).map { template.replacing("{stem}", with: $0) }
  }

  /// Makes stems distinct, even on file systems that ignore case: a repeated stem gets `-2`, `-3`, …
  ///
  /// The same stems in the same order always give the same result.
  package static func distinct(_ natural: [String]) -> [String] {
    let reserved = Set(natural.map { $0.lowercased() })
    var used: Set<String> = []
    return natural.map { stem in
      var candidate = stem
      var number = 2
      while (candidate != stem && reserved.contains(candidate.lowercased()))
        || !used.insert(candidate.lowercased()).inserted
      {
        candidate = "\(stem)-\(number)"
        number += 1
      }
      return candidate
    }
  }

  /// True for an input that is an http(s) address.
  package static func isURL(_ input: String) -> Bool {
    let lower = input.prefix(8).lowercased()
    return lower.hasPrefix("http://") || lower.hasPrefix("https://")
  }
}
