internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI

extension MCPTool {
  /// The tools that work on images of this machine.
  static func forImages(_ pixels: Turns) -> [MCPTool] {
    [inspect(pixels), plan(pixels), prepare(pixels), restore(pixels)]
  }

  /// The options of a preparation, whatever its output.
  static let preparation: [ToolArgument] = [
    .option("--max-side", .whole), .option("--size", .text), .option("--fit", .text), .option("--gravity", .text),
    .option("--focus", .text), .option("--max-pixels", .number), .option("--for", .text), .option("--enlarge", .flag),
    .option("--multiple-of", .whole), .option("--snap", .text), .option("--trim", .flag), .option("--format", .text),
    .option("--quality", .whole), .option("--max-bytes", .text), .option("--background", .text),
  ]

  /// The options of the tools that prepare for this machine. The tools that prepare for the service do not have them.
  private static let localPreparation: [ToolArgument] = [
    .option("--metadata", .text), .option("--icc", .text), .option("--data", .flag), .option("--linear", .flag),
    .option("--bits", .text), .option("--filter", .text), .option("--effort", .text), .option("--subsampling", .text),
    .option("--compression", .text), .option("--fail-on", .text),
  ]

  private static func inspect(_ pixels: Turns) -> MCPTool {
    MCPTool(
      name: "inspect", title: "Inspect an image",
      summary:
        "Reads the headers of an image: format, size, orientation, color profile, and what its metadata give away "
        + "(GPS position, place, text). Nothing is written.",
      verb: "inspect", effects: Effects(isReadOnly: true, isIdempotent: true),
      arguments: [.source("The image."), .preview],
      output: object([
        "input": "string", "format": "string", "width": "integer", "height": "integer", "megapixels": "number",
        "orientation": "integer", "bits": "integer", "icc": "string?", "alpha": "boolean", "exif": "boolean",
        "gps": "boolean", "notes": "array",
      ])
    ) { call in
      let path = call.text("path") ?? ""
      let result = try await VerbCall.object(["inspect", "--json", "--", path])
      return try await call.isOn("preview") ? result.showing([path], in: call.context, pixels) : result
    }
  }

  private static func plan(_ pixels: Turns) -> MCPTool {
    MCPTool(
      name: "plan", title: "Plan a preparation",
      summary: "Returns what prepare would do with an image: its size, crop, color and format. Nothing is written.",
      verb: "prepare", effects: Effects(isReadOnly: true, isIdempotent: true),
      arguments: [ToolArgument.source("The image.")] + preparation + localPreparation,
      output: object(["input": "string", "source": "object", "plan": "object"])
    ) { call in
      try await pixels.take {
        try await VerbCall.object(
          ["prepare", "--explain", "--json"] + call.options + ["--", call.text("path") ?? ""])
      }
    }
  }

  private static func prepare(_ pixels: Turns) -> MCPTool {
    MCPTool(
      name: "prepare", title: "Prepare an image",
      summary:
        "Decodes an image, turns it upright, resizes it, converts its color and writes a new file without metadata.",
      verb: "prepare", effects: Effects(),
      arguments: [
        ToolArgument.source("The image."),
        ToolArgument(
          name: "output", kind: .output, option: "-o", isRequired: true,
          summary: "The new file, which must not be there yet; .jpg, .png or .webp decides the format."),
        ToolArgument.preview,
      ] + preparation + localPreparation,
      output: object([
        "input": "string", "output": "string", "bytes": "integer", "sha256": "string", "source": "object",
        "prepared": "object", "geometry": "object", "notes": "array",
      ])
    ) { call in
      let result = try await pixels.take {
        try await VerbCall.object(
          ["prepare", "--json", "--no-clobber"] + call.options + ["--", call.text("path") ?? ""])
      }
      let output = call.text("output") ?? ""
      return try await call.isOn("preview") ? result.showing([output], in: call.context, pixels) : result
    }
  }

  private static func restore(_ pixels: Turns) -> MCPTool {
    MCPTool(
      name: "restore", title: "Put a result back on its source",
      summary:
        "Puts a generated image back on the canvas of the source that it was made from, transparent elsewhere, or onto the "
        + "source itself, and writes a new file.",
      verb: "restore", effects: Effects(),
      arguments: [
        .source("The generated image."),
        ToolArgument(
          name: "output", kind: .output, option: "-o", isRequired: true,
          summary: "The new file, which must not be there yet: .png; with onto also .jpg."),
        .option(
          "--record", .source, "The record with the geometry (default: that beside the generated image, PATH.json)."),
        .option("--onto", .source), .option("--feather", .whole), .option("--quality", .whole),
        .option("--stretch", .flag), .preview,
      ],
      output: object([
        "input": "string", "output": "string", "bytes": "integer", "width": "integer", "height": "integer",
      ])
    ) { call in
      let path = call.text("path") ?? ""
      // Without the argument `record`, the record is the file beside the image. That file may be a link that leads out of the allowed
      // folders.
      if call.text("record") == nil {
        _ = try ToolCall.place(path + ".json", "record", call.context, isThere: false)
      }
      let result = try await pixels.take {
        try await VerbCall.object(
          ["restore", "--json", "--no-clobber"] + call.options + ["--", path], keepingNotes: true)
      }
      let output = call.text("output") ?? ""
      return try await call.isOn("preview") ? result.showing([output], in: call.context, pixels) : result
    }
  }
}

extension ToolResult {
  /// The result with pictures of files. A picture that cannot be made is not a failure, because the work is done.
  func showing(_ paths: [String], in context: ToolContext, _ pixels: Turns) async throws -> ToolResult {
    var result = self
    for path in paths.prefix(ToolPreview.most) {
      do {
        let real = try ToolCall.place(path, "preview", context, isThere: true)
        result.previews.append(try await pixels.take { try await ToolPreview.content(of: real) })
      } catch {
        try Task.checkCancellation()
        result.notes.append("no preview of \(path): \(CommandError(any: error).message)")
      }
    }
    return result
  }
}
