internal import Foundation
internal import GessoPipeline
internal import ScenarioAPI

/// An argument of a tool: an option of the verb that the tool runs, the verb's operand, or an argument of the tool
/// itself.
struct ToolArgument: Sendable {
  /// The type of its values.
  enum Kind: Sendable {
    case text, whole, number, flag
    /// The path of a file that is read.
    case source
    /// The path of an image to write, which must not exist yet.
    case output
    /// The path of a folder for results.
    case folder
    /// Fields of a request by their names; a text that begins with @ is the path of an image.
    case fields
  }

  let name: String
  let kind: Kind
  /// The option of the verb, such as `--max-side`; nil for the operand and for arguments that the tool reads itself.
  var option: String?
  var isRequired = false
  /// The description of the argument; nil to use the help of the option.
  var summary: String?

  /// The argument that stands for a long option.
  static func option(_ flag: String, _ kind: Kind, _ summary: String? = nil, isRequired: Bool = false) -> ToolArgument {
    ToolArgument(
      name: name(of: flag), kind: kind, option: flag, isRequired: isRequired, summary: summary)
  }

  /// `max_side` for `--max-side`.
  static func name(of flag: some StringProtocol) -> String { String(flag.drop { $0 == "-" }).replacing("-", with: "_") }

  /// A path that is read.
  static func source(_ summary: String) -> ToolArgument {
    ToolArgument(name: "path", kind: .source, isRequired: true, summary: summary)
  }

  static let preview = ToolArgument(
    name: "preview", kind: .flag, summary: "Also return a small picture of it, of at most \(ToolPreview.side) pixels.")

  /// The JSON Schema of a value.
  ///
  /// - Parameters:
  ///   - known: The option as the argument parser knows it; nil for an argument that is not an option.
  ///   - words: The words of the tool.
  /// - Returns: The schema, with the help of the option as its description.
  func schema(_ known: KnownOption?, _ words: ToolWords) -> JSONObject {
    let text = summary ?? known?.abstract.map(words.translated) ?? ""
    let standard = known?.defaultValue.map { " (default: \($0))" } ?? ""
    var schema: JSONObject = ["description": text + (text.contains("(default:") ? "" : standard)]
    let type =
      switch kind {
      case .text, .source, .output, .folder: "string"
      case .whole: "integer"
      case .number: "number"
      case .flag: "boolean"
      case .fields: "object"
      }
    schema = schema.adding(["type": type])
    if let values = known?.allValues, kind == .text { schema = schema.adding(["enum": values]) }
    if let range = known?.range { schema = schema.adding(["minimum": range.least, "maximum": range.most]) }
    return schema
  }

  /// True for a value of this kind.
  func takes(_ value: JSONValue) -> Bool {
    switch (kind, value) {
    case (.text, .string), (.source, .string), (.output, .string), (.folder, .string), (.flag, .bool),
      (.number, .number), (.number, .integer), (.whole, .integer), (.fields, .object):
      true
    case (.whole, .number(let number)): number == number.rounded()
    default: false
    }
  }

  /// The rule for a value, in words.
  var form: String {
    switch kind {
    case .text: "a text"
    case .source, .output, .folder: "an absolute path"
    case .whole: "a whole number"
    case .number: "a number"
    case .flag: "true or false"
    case .fields: "an object"
    }
  }
}

/// Translates texts of the command for a tool: it replaces flags by arguments.
struct ToolWords: Sendable {
  /// The flags for which the tool has an argument.
  let flags: Set<String>

  init(_ arguments: [ToolArgument]) { flags = Set(arguments.compactMap(\.option)) }

  /// A text of the command for an assistant. Flags without an argument remain flags, because only the person can set
  /// them.
  func translated(_ text: String) -> String {
    text.replacing(/(, or |; )leave out --no-clobber/, with: "")
      .replacing(/\(?see gesso( [a-z0-9]+)* --help\)?/, with: "see the input schema of the tool")
      .replacing(#/gesso jobs (watch|fetch) /#, with: "the tool job with ")
      .replacing("--again starts a new job", with: "another seed orders a new job")
      .replacing(/--[a-z][a-z-]*/) { match in
        flags.contains(String(match.0)) ? ToolArgument.name(of: match.0) : String(match.0)
      }
  }

  /// A failure for an assistant.
  func translated(_ error: CommandError) -> CommandError {
    var remedy = translated(error.remedy)
    if error.code == "too-expensive" {
      remedy =
        "no tool changes the limit, which the person set who started this server: ask them, or order it on another day (UTC)"
    } else if error.code == "output-exists" {
      remedy = "nothing is replaced: name another file or folder"
    }
    return CommandError(
      error.code, stage: error.stage, translated(error.message), remedy: remedy, status: error.status)
  }
}
