internal import ArgumentParser
internal import GessoPipeline

/// The flags of every verb that works on inputs.
struct CommonOptions: ParsableArguments {
  @Flag(help: "Print one JSON object per input on standard output, and nothing else.")
  var json = false

  @Flag(name: .shortAndLong, help: "Errors only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Show more details.")
  var verbose = false

  init() {}

  mutating func validate() throws {
    if quiet, verbose { throw ValidationError("--quiet and --verbose exclude each other: keep one") }
  }

  var console: Console { Console(quiet: quiet, environment: Environment.variables, logs: verbose) }
}

extension Console {
  /// Reports the failure of one input: as an object with `--json`, otherwise as a line for people.
  func report(_ failure: CommandError, input: String?, json: Bool) throws(CommandError) {
    if json, !isCollected { try output(json: failure.json(input: input)) } else { error(failure, input: input) }
  }
}
