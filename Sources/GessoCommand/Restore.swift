package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// `gesso restore`
package struct Restore: Verb {
  package static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put a generated image back on the source's canvas, transparent elsewhere.")

  @Argument(help: "The generated image: a path, - for standard input, or an http(s) URL.")
  var result: String

  @Option(
    help: ArgumentHelp(
      "The JSON beside the result, or of gesso prepare --json: it holds the geometry; - for standard input.",
      valueName: "FILE"))
  var record: String

  @Option(name: .customShort("o"), help: ArgumentHelp("Where it goes, as PNG; - is standard output.", valueName: "OUT"))
  var output: String

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing output.")
  var noClobber = false

  @Flag(help: "Stretch a result of another shape than the prepared image.")
  var stretch = false

  @Option(name: .customLong("max-memory"), help: ArgumentHelp("Refuse larger canvases.", valueName: "MB"))
  var maxMemory = 1024

  @Option(name: .customLong("max-download"), help: ArgumentHelp("Refuse a larger result from a URL.", valueName: "MB"))
  var maxDownload = 256

  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    output = Console.outputName(output)
    try require(maxMemory, in: 1...1 << 20, "--max-memory")
    try require(maxDownload, in: 1...1 << 20, "--max-download")
    let file = output.split(separator: "/").last ?? ""
    if output != "-", file.contains("."), !file.lowercased().hasSuffix(".png") {
      throw ValidationError("the canvas is transparent in places, so it is written as PNG: name it .png")
    }
    if output == "-", common.json { throw ValidationError("-o - and --json both need standard output: keep one") }
  }

  package mutating func perform() async throws -> CommandStatus {
    let input = Input(result)
    try PipedInput.checkNamedOnce([result, record])
    let geometry = try await readRecord()
    let files = [input.file, record].compactMap(\.self)
    do {
      if output != "-" {
        try DurableFile.check(output, replacing: !noClobber, notOver: files)
        DurableFile.removeAbandoned(beside: output)
      }
      let preparer = try Environment.preparer(Environment.variables, limits: Limits(maxMemory: maxMemory << 20))
      let canvas = try await preparer.restore(
        try await input.source(limit: maxDownload << 20, isReadAgain: false), onto: geometry, stretching: stretch)
      let bytes = try await preparer.encodePNG(canvas)
      guard output != "-" else {
        try common.console.output(bytes)
        return .done
      }
      try DurableFile.write(bytes, to: output, replacing: !noClobber, notOver: files)
      if common.json {
        try common.console.output(json: [
          "input": input.name, "output": output, "bytes": bytes.count, "width": canvas.size.width,
          "height": canvas.size.height,
        ])
      } else {
        try common.console.output(output)
      }
      return .done
    } catch {
      let failure = CommandError(any: error)
      try common.console.report(failure, input: input.name, json: common.json)
      return failure.status
    }
  }

  /// Reads the geometry from a record: its member `geometry`, or the record itself.
  private func readRecord() async throws(CommandError) -> GeometryRecord {
    struct Record: Decodable { var geometry: GeometryRecord? }
    let bytes = try await SmallText.bytes(
      at: record,
      orThrow: .usage("the record \(record) cannot be read as a small text file", remedy: "check --record"))
    let decoder = JSONDecoder()
    let data = Data((TextEncoding.text(bytes) ?? "").utf8)
    if let geometry = try? decoder.decode(Record.self, from: data).geometry { return geometry }
    if let geometry = try? decoder.decode(GeometryRecord.self, from: data) { return geometry }
    throw .usage(
      "the record \(record) holds no geometry", remedy: "use the JSON beside a result, or of gesso prepare --json")
  }
}
