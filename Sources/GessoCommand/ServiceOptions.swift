package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import Logging
internal import ScenarioAPI
internal import ScenarioSandbox

/// The flags for the address of the service and the project.
package struct ServiceOptions: ParsableArguments {
  @Option(
    name: .customLong("base-url"),
    help: ArgumentHelp("The service's address; otherwise SCENARIO_BASE_URL, else the public one.", valueName: "URL"))
  package var baseURL: String?

  @Option(help: ArgumentHelp("The project to work in; otherwise SCENARIO_PROJECT_ID.", valueName: "ID"))
  package var project: String?

  package init() {}

  var configuration: Configuration {
    Configuration(
      flags: Configuration.Flags(baseURL: baseURL, projectID: project), environment: Environment.variables, folder: ".")
  }

  /// Refuses an address beside the sandbox, which has its own.
  func check(with job: JobOptions) throws {
    if job.sandbox, baseURL != nil {
      throw ValidationError("--sandbox and --base-url exclude each other: keep one")
    }
  }

  /// A client, which logs to standard error if `verbose`.
  static func client(
    _ configuration: ScenarioConfiguration, allowsPrivate: Bool = false, verbose: Bool
  ) -> ScenarioClient {
    let client = ScenarioClient(
      configuration: configuration, connection: ConnectionOptions(allowsPrivateAddresses: allowsPrivate))
    guard verbose else { return client }
    var logger = Logger(label: "gesso", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .trace
    return client.logging(to: logger)
  }

  /// Runs `work` with a client of the account, or of a sandbox that ends with the work.
  static func withClient<Result: Sendable>(
    _ account: ScenarioConfiguration?, allowsPrivate: Bool, console: Console, verbose: Bool,
    _ work: (ScenarioClient) async throws -> Result
  ) async throws -> Result {
    if let account { return try await work(client(account, allowsPrivate: allowsPrivate, verbose: verbose)) }
    let pair = SandboxCredential.random()
    let sandbox = ScenarioSandbox(
      configuration: SandboxConfiguration(credentials: [pair], decodeHelper: Environment.decodeHelper))
    let address = try await sandbox.start()
    console.note(
      "gesso: the sandbox stands in for the service: nothing is generated, and nothing is paid for. It ends with this command, so the "
        + "same command starts new jobs; gesso sandbox runs one that stays")
    if let other = Environment.variables["SCENARIO_BASE_URL"], EndedSandbox.isLocal(other) {
      console.note("gesso: --sandbox starts another sandbox than \(other): to use that one, leave --sandbox out")
    }
    do {
      let configuration = try ScenarioConfiguration(
        baseURL: address.absoluteString, credential: ScenarioCredential(key: pair.key, secret: pair.secret))
      let result = try await work(client(configuration, verbose: verbose))
      await sandbox.stop()
      return result
    } catch {
      await sandbox.stop()
      throw error
    }
  }

  /// The ledger in a file.
  ///
  /// - Parameters:
  ///   - path: The path of the file.
  ///   - allowingNetwork: True to accept also a ledger on a network file system, which only this process may then use.
  /// - Returns: The ledger.
  /// - Throws: Status 10 for a ledger that cannot be used.
  static func ledger(at path: String, allowingNetwork: Bool = false) throws(CommandError) -> Ledger {
    try reportingErrors { try Ledger(path: path, allowingNetwork: allowingNetwork) }
  }
}
