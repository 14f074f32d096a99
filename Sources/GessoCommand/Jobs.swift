#if Client
package import ArgumentParser
internal import GessoPipeline
internal import ScenarioAPI

/// `gesso jobs`
package struct Jobs: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "What this machine's ledger knows of jobs, and going on with one.",
    subcommands: [List.self, Show.self, Watch.self])

  package init() {}

  /// `gesso jobs list`
  package struct List: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the latest jobs of this machine, newest first.")

    @Option(help: ArgumentHelp("How many.", valueName: "N"))
    var limit = 20

    @Flag(help: "One JSON object a line.")
    var json = false

    package init() {}

    package mutating func validate() throws { try require(limit, in: 1...1_000_000, "--limit") }

    package mutating func perform() async throws -> CommandStatus {
      let console = Console(quiet: false, environment: Environment.variables)
      for entry in try reportingErrors({ try openLedger().entries(limit: limit) }) {
        try console.output(
          json
            ? entry.json.line
            : Console.printable(
              [entry.jobID?.rawValue ?? "-", entry.state.rawValue, entry.createdAt, entry.intent.source]
                .joined(separator: "  ")))
      }
      return .done
    }
  }

  /// `gesso jobs show`
  package struct Show: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show what the ledger knows of one job, as JSON.")

    @Argument(help: "The job.")
    var id: String

    @Flag(help: "One JSON object a line.")
    var json = false

    package init() {}

    package mutating func perform() async throws -> CommandStatus {
      let entry = try reportingErrors { try openLedger().entry(job: JobID(rawValue: id)) }
      try Console(quiet: false, environment: Environment.variables).output(
        [UInt8]((json ? entry.json.line + "\n" : entry.json.document).utf8))
      return .done
    }
  }

  /// `gesso jobs watch`
  package struct Watch: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "watch", abstract: "Go on waiting for a job and download its results to where they were meant to go."
    )

    @Argument(help: "The job.")
    var id: String

    @Option(help: ArgumentHelp("How long to wait for the job.", valueName: "SECONDS"))
    var timeout = 600.0

    @OptionGroup(title: "Service") var service: ServiceOptions
    @OptionGroup var common: CommonOptions

    package init() {}

    package mutating func validate() throws { try require(timeout, in: 0...31_536_000, "--timeout") }

    package mutating func perform() async throws -> CommandStatus {
      let job = JobID(rawValue: id)
      let reporter = Img2ImgReporter(
        console: common.console, input: id, json: common.json, sandbox: false, job: job)
      do {
        let ledger = try openLedger()
        let client = ServiceOptions.client(try service.configuration.client(), verbose: common.verbose)
        let pipeline = Img2ImgPipeline(client: client, ledger: ledger)
        let polling = JobPolling(deadline: .seconds(timeout))
        let result = try await Interruption.guarding(patience: nil) {
          try await pipeline.resume(job, polling: polling) { reporter.show($0) }
        }
        try reporter.finish(result)
        return .done
      } catch {
        return try reporter.fail(error)
      }
    }
  }
}

/// The ledger of this user.
private func openLedger() throws(CommandError) -> Ledger {
  let settings = Configuration(flags: .init(), environment: Environment.variables, folder: ".")
  return try ServiceOptions.ledger(at: try settings.ledgerPath())
}

/// Turns a library's error into the command's.
private func reportingErrors<Result>(_ body: () throws -> Result) throws(CommandError) -> Result {
  do {
    return try body()
  } catch {
    throw CommandError(any: error)
  }
}

extension LedgerEntry {
  /// The object of `jobs list --json` and `jobs show`.
  var json: OrderedJSON {
    .object([
      ("job", .optional(jobID?.rawValue)), ("state", .string(state.rawValue)), ("created", .string(createdAt)),
      ("service", .string(intent.baseURL)), ("project", .optional(intent.projectID)),
      ("source", .string(intent.source)),
      ("sourceSha256", .optional(intent.sourceSHA256)), ("sourceAssetId", .optional(assetID?.rawValue)),
      ("prepared", .optional(intent.preparedPath)), ("preparedSha256", .optional(intent.preparedSHA256)),
      ("prompt", .string(intent.prompt)), ("model", .string(intent.model)), ("seed", .string(intent.seed)),
      ("parameters", .verbatim(intent.parameters)), ("cost", cost.map(OrderedJSON.verbatim) ?? .null),
      ("failure", .optional(failure)),
      (
        "results",
        .array(
          results.map {
            .object([
              ("output", .string($0.path)), ("assetId", .string($0.assetID.rawValue)), ("sha256", .string($0.sha256)),
            ])
          })
      ),
    ])
  }
}
#endif
