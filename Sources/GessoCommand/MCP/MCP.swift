package import ArgumentParser
internal import Foundation
internal import Ground

/// `gesso mcp`
package struct MCP: Verb {
  package static let configuration = CommandConfiguration(
    verb: "mcp", "Serve assistants on standard input and output, over the Model Context Protocol.",
    examples: [
      "gesso mcp --allow photos",
      "gesso mcp --allow photos --allow out --max-cost-per-day 50",
      "GESSO_MAX_COST_PER_DAY=50 gesso mcp --allow photos",
    ],
    discussion: """
      The tools inspect, plan, prepare, restore, upload, img2img, job and budget take paths and return paths, within the folders of \
      --allow. Without a folder they read and write nothing, and without a limit per day img2img refuses; no tool changes either. The \
      same order again is the same job, and costs nothing. The server ends when its standard input is closed.
      """)

  @Option(
    name: .customLong("allow"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A folder in which tools may read and write, with the folders within it; may be repeated.", valueName: "DIR"))
  var folders: [String] = []

  @Option(
    name: .customLong("max-cost-per-day"), parsing: .unconditional,
    help: ArgumentHelp(
      "Refuse jobs that would bring the cost of the account's day (UTC) above this, as far as the ledger knows; otherwise "
        + "GESSO_MAX_COST_PER_DAY.", valueName: "CU"))
  var maxCostPerDay: String?

  @OptionGroup(title: "Service") var service: ServiceOptions

  package init() {}

  package mutating func validate() throws { try JobOptions.checkLimit(maxCostPerDay, "--max-cost-per-day") }

  package mutating func perform() async throws -> CommandStatus {
    let paths = folders
    let allowed = try reportingErrors { try AllowedFolders(paths) }
    let context = ToolContext(
      folders: allowed, limit: try JobOptions.dailyLimit(flag: maxCostPerDay, service.configuration), service: service)
    DurableFile.confine(to: allowed)
    // The ledger is fixed at the start. If a `.env` that appears later named another ledger, the sum of the day would begin at 0 again.
    if let ledger = try? service.configuration.ledgerPath() { unsafe setenv("GESSO_LEDGER", ledger, 1) }
    if isatty(STDIN_FILENO) == 1 {
      Console(quiet: false, environment: Environment.variables)
        .note("gesso: this is for an assistant, which starts it by itself; Ctrl-D ends it")
    }
    let streams = try reportingErrors { try ProtocolStreams() }
    let server = MCPServer(tools: ToolList(context)) { try streams.send($0) }
    try await Interruption.guarding(patience: .seconds(5), isExpected: true) {
      await server.serve { await streams.next() }
    }
    return .done
  }
}
