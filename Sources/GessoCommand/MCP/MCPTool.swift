internal import Foundation
internal import GessoPipeline
internal import ScenarioAPI

/// A tool: its arguments, its result, and the function that runs it.
struct MCPTool: Sendable {
  /// The effects of a tool, as the protocol's annotations classify them. No tool replaces or removes anything.
  struct Effects: Sendable {
    /// Nothing is written anywhere.
    var isReadOnly = false
    /// The same call again has no further effect.
    var isIdempotent = false
    /// The service takes part.
    var asksService = false
  }

  let name: String
  let title: String
  /// The description that the assistant reads.
  let summary: String
  /// The verb that the tool runs. The tool's arguments are options of this verb.
  let verb: String
  let effects: Effects
  /// True for a tool that spends creative units.
  var isPaid = false
  let arguments: [ToolArgument]
  /// The JSON Schema of its result.
  let output: JSONObject
  /// Runs the tool.
  let run: @Sendable (ToolCall) async throws -> ToolResult

  /// Translates texts of the command for assistants.
  var words: ToolWords { ToolWords(arguments) }

  /// The object of `tools/list`.
  func description(_ context: ToolContext) -> JSONObject {
    let options = UsageText([verb]).options
    var properties: [String: JSONObject] = [:]
    for argument in arguments {
      properties[argument.name] = argument.schema(
        argument.option.flatMap { option in options.first { $0.isNamed(option) } }, words)
    }
    let takesPaths = arguments.contains { [.source, .output, .folder].contains($0.kind) }
    return [
      "name": name, "title": title,
      "description": summary + (takesPaths ? " Paths are absolute (\(context.places))." : ""),
      "inputSchema": [
        "type": "object", "properties": properties, "required": arguments.filter(\.isRequired).map(\.name),
        "additionalProperties": false,
      ] as JSONObject,
      "outputSchema": output,
      "annotations": [
        "title": title, "readOnlyHint": effects.isReadOnly, "destructiveHint": false,
        "idempotentHint": effects.isIdempotent, "openWorldHint": effects.asksService,
      ] as JSONObject,
    ]
  }

  /// The JSON Schema of an object with these members. A type with a question mark may be null; a name with one may be left out.
  static func object(_ members: KeyValuePairs<String, String>) -> JSONObject {
    var properties: [String: JSONObject] = [:]
    var required: [String] = []
    for (name, type) in members {
      let plain = name.replacing("?", with: "")
      if plain == name { required.append(name) }
      if type.hasSuffix("?") {
        properties[plain] = ["type": [String(type.dropLast()), "null"]]
      } else {
        properties[plain] = ["type": type]
      }
    }
    return ["type": "object", "properties": properties, "required": required]
  }
}

/// The result of a call.
struct ToolResult: Sendable {
  /// The object, as the verb prints it with `--json`.
  var object: JSONValue?
  /// More lines for the assistant.
  var notes: [String] = []
  var previews: [JSONObject] = []
  /// Set if the call failed.
  var failure: CommandError?

  /// The object of `tools/call`. Its text repeats the structured content, for clients that show only text.
  var json: JSONObject {
    if let failure { return ["content": [Self.text(failure.json)], "isError": true] }
    let object = object ?? .object([:])
    let texts = [(try? JSONText.line(object)) ?? ""] + (notes.isEmpty ? [] : [notes.joined(separator: "\n")])
    return ["content": texts.map(Self.text) + previews, "structuredContent": object, "isError": false]
  }

  static func text(_ text: String) -> JSONObject { ["type": "text", "text": text] }
}

extension CommandError {
  /// The failure as the text of a tool's result: the object that `--json` prints.
  fileprivate var json: String { (try? JSONText.line(["error": object] as JSONObject)) ?? line }
}
