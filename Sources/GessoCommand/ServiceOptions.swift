package import ArgumentParser
internal import GessoPipeline
internal import Logging
internal import ScenarioAPI

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

  /// A client, which logs to standard error if `verbose`.
  static func client(_ configuration: ScenarioConfiguration, verbose: Bool) -> ScenarioClient {
    let client = ScenarioClient(configuration: configuration)
    guard verbose else { return client }
    var logger = Logger(label: "gesso", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .trace
    return client.logging(to: logger)
  }

  static func ledger(at path: String) throws(CommandError) -> Ledger {
    do {
      return try Ledger(path: path)
    } catch {
      throw CommandError(error)
    }
  }
}
