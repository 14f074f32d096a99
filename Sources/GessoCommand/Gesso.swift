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
    version: version,
    subcommands: [
      Inspect.self, Prepare.self, Restore.self, Upload.self, Img2Img.self, Jobs.self, Sandbox.self, Doctor.self,
    ])

  /// The version of the command and the library it was built from.
  package static let version = "0.1.0"

  package init() {}

  /// Parses the command line, runs the verb and ends the process.
  package static func start() async -> Never {
    // A reader that goes away is a failed write, not the end of a process that follows a paid job.
    signal(SIGPIPE, SIG_IGN)
    // A core file would hold the API key.
    turnOffCoreFiles()
    leave(await run(Array(CommandLine.arguments.dropFirst())))
  }

  // `exit` alone would mean a method of the argument parser.
  private static func leave(_ status: CommandStatus) -> Never {
    Interruption.endBySignal()
    Ground.exit(status.rawValue)
  }

  /// Parses and runs; every failure that no verb has reported is reported here.
  private static func run(_ arguments: [String]) async -> CommandStatus {
    let console = Console(quiet: false, environment: Environment.variables)
    do {
      var command = try parseAsRoot(arguments)
      if var verb = command as? any Verb { return try await verb.perform() }
      try command.run()  // Help, and verbs without a sub-verb, which answer with help.
      return .done
    } catch let error as CommandError {
      console.error(error)
      return error.status
    } catch {
      guard exitCode(for: error) == .success else {
        console.error(usage(error, arguments: arguments))
        return .usage
      }
      // Help, version and completion scripts are what was asked for.
      print(fullMessage(for: error))
      return .done
    }
  }

  /// What the argument parser says, in one line that ends with what to do.
  package static func usage(_ error: any Error, arguments: [String]) -> CommandError {
    if let flag = arguments.lazy.map({ String($0.prefix { $0 != "=" }) }).first(where: laterFlags.contains) {
      return .usage("\(flag) is not in this version yet", remedy: "leave it out")
    }
    let verb = arguments.first.flatMap { name in
      configuration.subcommands.contains { $0.configuration.commandName == name } ? " \(name)" : nil
    }
    return .usage(message(for: error), remedy: "see gesso\(verb ?? "") --help")
  }

  /// Flags of the documented surface that a later version brings; naming them beats calling them unknown.
  private static let laterFlags: Set<String> = ["--online"]
}

/// A verb of the command: says how it ended instead of exiting.
protocol Verb: AsyncParsableCommand {
  mutating func perform() async throws -> CommandStatus
}

extension Verb {
  /// Runs it outside of ``Gesso/start()``, as the argument parser's own entry points do.
  package mutating func run() async throws {
    throw ExitCode(try await perform().rawValue)
  }
}
