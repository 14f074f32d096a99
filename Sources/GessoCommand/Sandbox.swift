package import ArgumentParser
internal import Foundation
internal import ScenarioSandbox

/// `gesso sandbox`
package struct Sandbox: Verb {
  package static let configuration = CommandConfiguration(
    verb: "sandbox", "Run the local stand-in of the service until interrupted.",
    examples: [
      "gesso sandbox",
      "gesso sandbox --port 8123",
      "SCENARIO_API_KEY=key SCENARIO_API_SECRET=secret gesso sandbox",
    ],
    discussion: """
      The first line on standard output is its base URL. It accepts the credentials of the environment; without any, it \
      makes a new pair and prints it on standard error, as lines to paste into another shell. Nothing is generated. Stop it \
      with Ctrl-C or kill: it then ends with status 0.
      """)

  @Option(help: ArgumentHelp("The port on 127.0.0.1; 0 for any free one.", valueName: "N"))
  var port: UInt16 = 0

  @Flag(
    name: .shortAndLong, help: "Errors only; a new pair of credentials is still printed.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "One line for each request, on standard error.")
  var verbose = false

  package init() {}

  package mutating func perform() async throws -> CommandStatus {
    let console = Console(quiet: quiet, environment: Environment.variables)
    let configured = try Configuration(flags: .init(), environment: Environment.variables, folder: ".").credentials()
    let pair = configured.map { SandboxCredential(key: $0.key, secret: $0.secret) } ?? .random()
    let log: (@Sendable (String) -> Void)? = verbose ? { @Sendable line in console.note(line) } : nil
    let sandbox = ScenarioSandbox(
      configuration: SandboxConfiguration(
        port: port, credentials: [pair], decodeHelper: Environment.decodeHelper, log: log))
    do {
      // Signals are caught before the address is printed, because its reader may stop the sandbox at once.
      try await Interruption.guarding(patience: nil, isExpected: true) {
        let address = try await sandbox.start()
        if configured == nil {
          let loud = Console(quiet: false, environment: Environment.variables)
          loud.note("export SCENARIO_API_KEY=\(pair.key)")
          loud.note("export SCENARIO_API_SECRET=\(pair.secret)")
        }
        console.note("export SCENARIO_BASE_URL=\(address.absoluteString)")
        console.note("gesso: this sandbox stands in for the service: nothing is generated; Ctrl-C ends it")
        try console.output(address.absoluteString)
        await Interruption.forever()
      }
    } catch {
      throw CommandError(any: error)
    }
    await sandbox.stop()
    return .done
  }
}
