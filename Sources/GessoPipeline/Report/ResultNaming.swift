internal import Digests
internal import Foundation
internal import ImagePreparation

/// The names of a run's results: a template with its fields filled in, and a number if that name is taken.
struct ResultNaming: Sendable, Equatable {
  /// The folder, as the caller wrote it.
  var folder: String
  /// The name, with the fields of ``Field``.
  var template: String
  /// The value of `{stem}`.
  var stem: String
  /// The value of `{seed}`.
  var seed: String

  /// The fields of a template.
  private enum Field: String, CaseIterable {
    case stem = "{stem}"
    case seed = "{seed}"
    case index = "{index}"
  }

  private enum Part {
    case text(Substring)
    case braces(Substring)
  }

  /// The longest file name on common file systems, in bytes.
  private static let longestName = 255
  /// The longest stem, in bytes; the remaining bytes are for template, seed, numbers and extensions.
  private static let longestStem = 180
  /// The most bytes after a name: a number, an extension of 8 letters, and the ending of a file beside a result.
  private static let longestEnd = "-9999.extended-99".utf8.count + unverified.utf8.count
  /// The end of the name of a result that could not be decoded.
  private static let unverified = ".unverified"

  /// The path of the result `index` (from 1). `number` (from 1) distinguishes it from other files of the same name.
  func path(index: Int, number: Int, fileExtension: String) -> String {
    "\(folder)/\(Self.numbered(name(index: index), number)).\(fileExtension)"
  }

  /// The path for the bytes of a result that could not be decoded. `number` (from 1) distinguishes it from other files of the same name.
  static func unverifiedPath(of result: String, number: Int) -> String {
    numbered(result, number) + unverified
  }

  /// Makes the folder, and checks that it takes files with the names of `count` results. `cleans` is false if the
  /// temporary files of killed processes were removed already.
  func makeFolder(count: Int, cleans: Bool) throws(PreparationError) {
    let name = name(index: count)
    try OutputFolder.make(folder, name: name, length: name.utf8.count + Self.longestEnd, cleans: cleans)
  }

  private func name(index: Int) -> String {
    // All fields are filled in one pass, so that braces in a stem are not taken for a field.
    Self.parts(of: template).map { part in
      switch part {
      case .text(let text): String(text)
      case .braces(let text):
        switch Field(rawValue: String(text)) {
        case .stem: Self.shortened(stem)
        case .seed: seed
        case .index: String(index)
        case nil: String(text)
        }
      }
    }.joined()
  }

  /// `name`, `name-2`, `name-3`, …
  static func numbered(_ name: String, _ number: Int) -> String { number == 1 ? name : "\(name)-\(number)" }

  /// A stem that leaves enough bytes for the rest of a name. A longer stem is cut and gains a digest of the whole, so that it is unique.
  static func shortened(_ stem: String) -> String {
    guard stem.utf8.count > longestStem else { return stem }
    let end = "-" + ContentDigest.sha256(of: [UInt8](stem.utf8)).prefix(8)
    var start = ""
    for character in stem {
      guard start.utf8.count + String(character).utf8.count + end.utf8.count <= longestStem else { break }
      start.append(character)
    }
    return start + end
  }

  private static func parts(of template: String) -> [Part] {
    var parts: [Part] = []
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      parts += [.text(rest[..<open]), .braces(rest[open...close])]
      rest = rest[rest.index(after: close)...]
    }
    return parts + [.text(rest)]
  }

  /// Checks that the template can name `count` results, before anything is paid for them.
  ///
  /// - Throws: A ``PipelineError`` with the code `invalid-order`.
  func check(count: Int) throws(PipelineError) {
    func refused(_ message: String, _ remedy: Remedy) -> PipelineError {
      PipelineError(.invalidOrder, stage: .submit, message, remedy: remedy)
    }
    let usual = Img2ImgOrder.defaultNameTemplate
    guard !template.isEmpty, !template.contains("/"), !template.contains("\0"), !template.hasPrefix(".") else {
      throw refused("the name template \(template) makes no file name", "use one such as \(usual)")
    }
    for case .braces(let text) in Self.parts(of: template) where Field(rawValue: String(text)) == nil {
      throw refused("the name template \(template) has the unknown field \(text)", "use {stem}, {seed} and {index}")
    }
    for (field, value) in [("stem", stem), ("seed", seed)]
    where value.isEmpty || value.contains("/") || value.contains("\0") {
      throw refused("the \(field) \(value) makes no file name", "give one without slashes")
    }
    guard count == 1 || template.contains(Field.index.rawValue) else {
      throw refused("\(count) results would have one name", "put {index} into the name template")
    }
    guard name(index: count).utf8.count + Self.longestEnd <= Self.longestName else {
      throw refused("the name template makes names longer than file systems take", "use one such as \(usual)")
    }
  }
}
