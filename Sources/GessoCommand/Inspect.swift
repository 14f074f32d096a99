package import ArgumentParser
internal import GessoPipeline
internal import ImagePreparation

/// `gesso inspect`
package struct Inspect: Verb {
  package static let configuration = CommandConfiguration(
    verb: "inspect", "Show what an image file contains, from its headers alone.",
    examples: [
      "gesso inspect photo.jpg",
      "gesso inspect --json photos/*.jpg",
      "cat photo.jpg | gesso inspect -",
    ])

  @OptionGroup var sources: InputOptions

  @Option(
    name: .customLong("max-download"),
    help: ArgumentHelp("Refuse inputs from a URL or a pipe above this.", valueName: "MB"))
  var maxDownload = 256

  @OptionGroup var limiting: LimitOptions
  @OptionGroup var addresses: AddressOptions
  @OptionGroup var isolating: IsolationOptions

  @Flag(help: "Print one JSON object per input on standard output, and nothing else.")
  var json = false

  package init() {}

  package mutating func validate() throws { try require(maxDownload, in: 1...1 << 20, "--max-download") }

  package mutating func perform() async throws -> CommandStatus {
    let console = Console(quiet: false, environment: Environment.variables)
    let inputs = try sources.list()
    var failures: [CommandStatus] = []
    for input in inputs {
      do throws(CommandError) {
        // Metadata of a PNG may follow its pixels. They are found only in a source that can be read from any position.
        let source = try await input.source(
          limit: maxDownload << 20, allowsPrivate: addresses.allowsPrivate, isReadAgain: true)
        let description = try await describe(source)
        if json {
          try console.output(json: description.inspection(input: input.name))
        } else {
          let lines = description.inspectionLines
          try console.output(([input.name] + lines.map { "  " + $0 }).map(Console.printable).joined(separator: "\n"))
        }
      } catch {
        if error.status == .cannotWrite { throw error }
        failures.append(error.status)
        try console.report(error, input: input.name, json: json)
      }
    }
    return CommandStatus(failures: failures, of: inputs.count)
  }

  private func describe(_ source: ImageSource) async throws(CommandError) -> ImageDescription {
    do {
      return try await Environment.preparer(
        Environment.variables, limits: limiting.limits, isolation: isolating.isolation
      ).inspect(source)
    } catch {
      throw CommandError(any: error)
    }
  }
}
