package import ArgumentParser
internal import Ground

/// The command `gesso`.
package struct Gesso: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "gesso",
    abstract: "Prepares large images for generative models and carries them through img2img.",
    discussion: """
      People read standard error, scripts read standard output. Exit codes: 0 done, 1 some inputs failed, 2 usage, \
      3 bad input, 4 a limit refused it, 5 credentials, 6 the service refused, 7 service unavailable, 8 the job failed, \
      9 timed out waiting, 10 cannot write. Interrupted (Ctrl-C, kill), it cleans up and ends by the signal, which a shell \
      shows as 130 (143 after kill).
      """,
    version: Version.current,
    subcommands: [
      Inspect.self, Prepare.self, Restore.self, Strip.self, Upload.self, Img2Img.self, Batch.self, Jobs.self,
      Report.self, Models.self, Sandbox.self, MCP.self, Doctor.self,
    ])

  package init() {}

  /// Parses the command line, runs the verb and ends the process.
  package static func start() async -> Never {
    Interruption.deferSignalsOfWrites()
    // A core file would contain the API key.
    turnOffCoreFiles()
    limitHeaps(to: max(2, Environment.cores))
    leave(await run(Array(CommandLine.arguments.dropFirst())))
  }

  // `exit` is written with its module, because alone it means a method of the argument parser.
  private static func leave(_ status: CommandStatus) -> Never {
    Console.removeLiveLine()
    Interruption.endBySignal()
    Ground.exit(status.rawValue)
  }

  /// Parses and runs. Failures that no verb has reported are reported here.
  private static func run(_ arguments: [String]) async -> CommandStatus {
    let console = Console(
      quiet: arguments.contains { ["-q", "--quiet"].contains($0) }, environment: Environment.variables)
    var arguments = arguments
    do {
      try ArgumentEncoding.check()
      try RepeatedOptions.check(arguments)
      let synonyms = try Synonyms.resolved(arguments)
      arguments = synonyms.arguments
      synonyms.notes.forEach(console.note)
      // Two words of other programs can stand for the same option: --png and --format jpeg.
      try RepeatedOptions.check(arguments)
      try checkVerb(arguments)
      var command = try parseAsRoot(arguments)
      if var verb = command as? any Verb { return try await verb.perform() }
      try command.run()  // Help, and verbs without a sub-verb, which print help.
      return .done
    } catch let error as CommandError {
      console.error(error)
      return error.status
    } catch {
      guard exitCode(for: error) == .success else {
        console.error(usage(error, arguments: arguments))
        return .usage
      }
      // Help, version and completion scripts go to standard output, because the user requested them. The versions of the libraries are read
      // only here, not at every start.
      let answer = fullMessage(for: error)
      print(answer == Version.current ? BuiltIn.versionText : answer)
      return .done
    }
  }

  /// Refuses a verb that does not exist. The argument parser would print the help of all verbs, or complain about the number of words.
  private static func checkVerb(_ arguments: [String]) throws(CommandError) {
    guard let first = arguments.first else { return }
    let verbs = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
    try check(first, among: verbs, of: "gesso")
    guard arguments.count > 1 else { return }
    if first == "help" { try check(arguments[1], among: verbs, of: "gesso") }
    if first == "jobs" {
      try check(
        arguments[1], among: Jobs.configuration.subcommands.compactMap { $0.configuration.commandName },
        of: "gesso jobs")
    }
  }

  private static func check(_ name: String, among verbs: [String], of command: String) throws(CommandError) {
    guard !name.hasPrefix("-"), !verbs.contains(name) else { return }
    throw .usage(
      "\(command) has no verb \(name)",
      remedy: nearest(to: name, among: verbs).map { "did you mean \($0)?" } ?? "see \(command) --help")
  }

  /// The argument parser's message as one line with a remedy.
  package static func usage(_ error: any Error, arguments: [String]) -> CommandError {
    let help = "see \(verbs(in: arguments)) --help"
    let text = UsageText(arguments)
    if let unknown = text.unknownOption(in: arguments) {
      return .usage(
        "unknown option \(unknown.name)", remedy: unknown.meant.map { "did you mean \($0)? \(help)" } ?? help)
    }
    let message = message(for: error)
    guard let value = text.badValue(message) else {
      return .usage(message, remedy: help)
    }
    return .usage(value.message, remedy: value.example.map { "for example \($0) (\(help))" } ?? help)
  }

  /// The command whose help has the options of these arguments: the verb at their beginning, and one of its own verbs.
  private static func verbs(in arguments: [String]) -> String {
    var (names, subcommands) = (["gesso"], configuration.subcommands)
    for argument in arguments {
      guard let verb = subcommands.first(where: { $0.configuration.commandName == argument }) else { break }
      names.append(argument)
      subcommands = verb.configuration.subcommands
    }
    return names.joined(separator: " ")
  }
}

extension CommandConfiguration {
  /// The configuration of a verb whose help begins with examples, which a test runs.
  init(
    verb: String, _ abstract: String, examples: [String], discussion: String = "",
    subcommands: [any ParsableCommand.Type] = [], defaultSubcommand: (any ParsableCommand.Type)? = nil
  ) {
    let lines = examples.map { "  " + $0 }.joined(separator: "\n")
    self.init(
      commandName: verb, abstract: abstract, discussion: lines + (discussion.isEmpty ? "" : "\n\n" + discussion),
      subcommands: subcommands, defaultSubcommand: defaultSubcommand)
  }
}

/// A verb of the command. It returns its status instead of exiting.
protocol Verb: AsyncParsableCommand {
  mutating func perform() async throws -> CommandStatus
}

extension Verb {
  /// Runs the verb outside of ``Gesso/start()``, as the argument parser's own entry points do.
  package mutating func run() async throws {
    throw ExitCode(try await perform().rawValue)
  }
}
