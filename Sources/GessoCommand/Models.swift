package import ArgumentParser
internal import Dispatch
internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI

/// `gesso models`
package struct Models: Verb {
  package static let configuration = CommandConfiguration(
    verb: "models", "Show the fields that a model takes, with their ranges and defaults.",
    examples: [
      "gesso models",
      "gesso models flux.1-dev",
      "gesso models model_bfl-flux-1-dev --json",
    ], discussion: "Fields without a flag of img2img are given with --param NAME=VALUE, images with --param NAME=@FILE."
  )

  @Argument(help: "The service's name of a model (default: the two that img2img knows).")
  var ids: [String] = []

  @OptionGroup(title: "Service") var service: ServiceOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  private static let usual = ["flux.1-dev", "model_bfl-flux-1-dev"]

  package mutating func perform() async throws -> CommandStatus {
    let (console, json) = (common.console, common.json)
    let client = ServiceOptions.client(try service.configuration.client(), verbose: common.verbose)
    let ids = ids.isEmpty ? Self.usual : ids
    var failures: [CommandStatus] = []
    for id in ids {
      do {
        let model = ModelDescription(
          try await Interruption.guarding(patience: .seconds(1)) { try await client.model(id) })
        if json {
          try console.output(json: model.json)
        } else {
          for line in model.lines { try console.output(Console.printable(line)) }
        }
      } catch {
        let failure = CommandError(any: error)
        if failure.status == .cannotWrite { throw failure }
        failures.append(failure.status)
        try console.report(failure, input: id, json: json)
        if failure.status == .interrupted { break }
      }
    }
    return CommandStatus(failures: failures, of: ids.count)
  }
}

/// The fields that a model takes, as text and as JSON.
struct ModelDescription {
  /// One field of a request.
  fileprivate struct Field {
    let name: String
    let type: String
    let range: String
    let standard: JSONValue?
    let isRequired: Bool
    let hasCostImpact: Bool
    /// The flag of `img2img`, without dashes.
    let flag: String?
    var summary: String?
  }

  private let model: GenerationModel
  private let fields: [Field]
  private let sizing: ModelSizing?

  init(_ model: GenerationModel) {
    self.model = model
    sizing = ModelSizing(named: model.id)
    // A model of the legacy family publishes no inputs, so the fields of the endpoint are shown.
    fields = model.inputs.map { $0.map(Self.field) } ?? Self.legacyFields
  }

  private static var legacyFields: [Field] {
    [
      Field(
        name: "prompt", type: "text", range: "", standard: nil, isRequired: true, hasCostImpact: false, flag: "prompt"),
      Field(
        name: "image", type: "file (image)", range: "", standard: nil, isRequired: true, hasCostImpact: false, flag: nil
      ),
    ] + GenerationField.all.filter { $0.endpoints.contains(.img2img) }.map(Self.field)
  }

  private static func field(_ input: GenerationModel.Input) -> Field {
    let flag = GenerationField.all.first { $0.customName == input.name && $0.endpoints.contains(.custom) }?.flag
    return Field(
      name: input.name, type: input.kind.map { "\(input.type) (\($0))" } ?? input.type, range: input.range,
      standard: input.defaultValue, isRequired: input.isRequired, hasCostImpact: input.hasCostImpact,
      flag: flag ?? (input.name == "prompt" ? "prompt" : nil), summary: input.summary)
  }

  private static func field(_ field: GenerationField) -> Field {
    Field(
      name: field.name, type: field.typeName, range: field.valueName ?? "", standard: field.defaultValue,
      isRequired: false, hasCostImpact: false, flag: field.flag, summary: field.summary)
  }

  private var family: String {
    model.custom == true ? "custom: img2img --mode custom" : "legacy: img2img --mode legacy"
  }

  /// The lines for people: a table of the fields.
  var lines: [String] {
    var lines = ["\(model.id): \([model.name, model.type, model.status].compactMap(\.self).joined(separator: ", "))"]
    lines.append("  \(family)")
    if !model.capabilities.isEmpty { lines.append("  can: \(model.capabilities.joined(separator: ", "))") }
    if let sizing {
      lines.append("  sizes: \(sizing.words)")
    }
    let rows =
      [["field", "type", "values", "default", "flag", ""]]
      + fields.map { field in
        [
          field.name, field.type, field.range, field.standard.map(Self.text) ?? "",
          field.argument,
          [field.isRequired ? "required" : nil, field.hasCostImpact ? "changes the price" : nil].compactMap(\.self)
            .joined(separator: ", "),
        ]
      }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return lines
      + rows.map { row in
        let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        return "  " + cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
      }
  }

  /// The object of `--json`.
  var json: JSONObject {
    [
      "id": model.id, "name": model.name, "type": model.type, "status": model.status, "custom": model.custom,
      "capabilities": model.capabilities,
      "sizes": sizing.map { sizing -> JSONObject in
        [
          "minSide": sizing.minSide, "maxSide": sizing.maxSide, "multipleOf": sizing.multipleOf,
          "maxPixels": sizing.maxPixels,
        ]
      },
      "inputs": fields.map { field -> JSONObject in
        [
          "name": field.name, "type": field.type, "values": field.range, "default": field.standard,
          "required": field.isRequired, "changesPrice": field.hasCostImpact, "flag": field.flag.map { "--\($0)" },
          "description": field.summary,
        ]
      },
    ]
  }

  private static func text(_ value: JSONValue) -> String {
    if case .string(let text) = value { return text }
    return (try? JSONText.line(value)) ?? ""
  }
}

extension ModelDescription.Field {
  /// The option of `img2img` for the field.
  fileprivate var argument: String {
    if let flag { return "--\(flag)" }
    if name == "image" { return "INPUT" }
    return type.hasPrefix("file") ? "--param \(name)=@FILE" : "--param \(name)=VALUE"
  }
}

extension GenerationModel.Input {
  /// The values that the field takes, in words.
  fileprivate var range: String {
    if let allowedValues {
      return allowedValues.map { (try? JSONText.line($0)) ?? "" }.map { $0.trimmingCharacters(in: ["\""]) }.joined(
        separator: ", ")
    }
    var parts: [String] = []
    switch (min, max) {
    case (let min?, let max?): parts.append("\(GenerationField.text(min))…\(GenerationField.text(max))")
    case (let min?, nil): parts.append("\(GenerationField.text(min)) or more")
    case (nil, let max?): parts.append("up to \(GenerationField.text(max))")
    case (nil, nil): break
    }
    if let step, step != 1 { parts.append("step \(GenerationField.text(step))") }
    let unit = type.hasSuffix("_array") ? "items" : "characters"
    switch (minLength, maxLength) {
    case (let least?, let most?):
      parts.append("\(GenerationField.text(least)) to \(GenerationField.text(most)) \(unit)")
    case (let least?, nil): parts.append("\(GenerationField.text(least)) \(unit) or more")
    case (nil, let most?): parts.append("up to \(GenerationField.text(most)) \(unit)")
    case (nil, nil): break
    }
    if let maxSize { parts.append("up to \(Figure.bytes(maxSize))") }
    return parts.joined(separator: ", ")
  }
}

extension GenerationField {
  fileprivate var typeName: String {
    switch values {
    case .number: "number"
    case .integer(_, let step): step == 1 ? "whole number" : "multiple of \(step)"
    case .numberAsText: "whole number"
    case .text, .choice: "text"
    case .flag: "true or false"
    }
  }
}
