package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import ScenarioAPI

/// `gesso jobs`
package struct Jobs: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    verb: "jobs", "List, follow, download, cancel or decide about the jobs of this machine.",
    examples: [
      "gesso jobs",
      "gesso jobs watch JOB -o out",
      "gesso jobs fetch JOB -o out --name '{stem}-{index}'",
    ],
    subcommands: [List.self, Show.self, Watch.self, Fetch.self, Cancel.self, Resolve.self],
    defaultSubcommand: List.self)

  package init() {}

  /// `gesso jobs list`
  package struct List: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the latest jobs of this machine, newest first.")

    @Option(help: ArgumentHelp("The number of jobs (default: 20; with --account all).", valueName: "N"))
    var limit: Int?

    @Option(
      name: .customLong("account"),
      help: ArgumentHelp(
        "List the account's jobs of the last HOURS hours instead, whichever machine started them.",
        valueName: "HOURS"))
    var hours: Double?

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup(title: "Service") var service: ServiceOptions

    package init() {}

    package mutating func validate() throws {
      try require(limit, in: 1...1_000_000, "--limit")
      try require(hours, in: 0...87_660, "--account")
      if hours == nil, let flag = service.baseURL != nil ? "--base-url" : service.project != nil ? "--project" : nil {
        throw ValidationError("\(flag) has no effect without --account: leave it out")
      }
    }

    package mutating func perform() async throws -> CommandStatus {
      let console = Console(quiet: false, environment: Environment.variables)
      if let hours {
        do {
          try await list(hours: hours, console)
        } catch {
          throw CommandError(any: error)
        }
        return .done
      }
      let entries = try reportingErrors { try openLedger().entries(limit: limit ?? 20) }
      var ended: Set<String> = []
      for address in json ? [] : Set(entries.map(\.intent.baseURL)) {
        if await EndedSandbox.isAt(address) { ended.insert(address) }
      }
      for entry in entries {
        guard !json else {
          try console.output(json: try reportingErrors { try entry.json })
          continue
        }
        let columns = entry.columns + (ended.contains(entry.intent.baseURL) ? ["(of a sandbox that has ended)"] : [])
        try console.output(Console.printable(columns.joined(separator: "  ")))
      }
      if entries.isEmpty { console.note("gesso: this machine has no jobs yet") }
      return .done
    }

    /// Lists jobs as the service has them.
    private func list(hours: Double, _ console: Console) async throws {
      let account = try service.configuration.client()
      let jobs = try await ServiceOptions.client(account, verbose: false)
        .jobs(createdAfter: Date.now.timeIntervalSince1970 - hours * 3600, limit: 200_000)
      for job in jobs.prefix(limit ?? .max) {
        if json {
          try console.output(json: job.json(of: account))
        } else {
          try console.output(Console.printable(job.columns.joined(separator: "  ")))
        }
      }
      if jobs.isEmpty { console.note("gesso: the account has made no jobs in this time") }
    }
  }

  /// `gesso jobs show`
  package struct Show: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Show one job as JSON, from the ledger, or from the service if the ledger does not know it.")

    @Argument(help: "The job, or the number of its run.")
    var id: String

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup(title: "Service") var service: ServiceOptions

    package init() {}

    package mutating func perform() async throws -> CommandStatus {
      let console = Console(quiet: false, environment: Environment.variables)
      do {
        let entry = try openLedger().entry(named: id)
        try console.output(json: try entry.json, isIndented: !json)
      } catch let error as PipelineError where error.code == .unknownJob && Int64(id) == nil {
        // Without credentials no request is possible, so the ledger's error is reported.
        guard let account = try? service.configuration.client() else { throw CommandError(error) }
        do {
          let job = try await ServiceOptions.client(account, verbose: false).job(JobID(rawValue: id))
          try console.output(json: job.json(of: account), isIndented: !json)
        } catch {
          throw CommandError(any: error)
        }
      } catch {
        throw CommandError(any: error)
      }
      return .done
    }
  }

  /// `gesso jobs watch`
  package struct Watch: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "watch",
      abstract: "Wait for a job, of this or of another machine, and download its results."
    )

    @Argument(help: "The job, or the number of its run.")
    var id: String

    @Option(help: ArgumentHelp("How long to wait for the job.", valueName: "SECONDS"))
    var timeout = 600.0

    @OptionGroup(title: "Results") var results: ResultOptions
    @OptionGroup(title: "Service") var service: ServiceOptions
    @OptionGroup var addresses: AddressOptions
    @OptionGroup var common: CommonOptions

    package init() {}

    package mutating func validate() throws { try require(timeout, in: 0...31_536_000, "--timeout") }

    package mutating func perform() async throws -> CommandStatus {
      try await goOn(
        with: id, results, polling: JobPolling(deadline: .seconds(timeout)), service: service,
        allowsPrivate: addresses.allowsPrivate,
        common: common)
    }
  }

  /// `gesso jobs fetch`
  package struct Fetch: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "fetch",
      abstract: "Download the results of a job that has ended, without waiting for one that has not.")

    @Argument(help: "The job, or the number of its run.")
    var id: String

    @OptionGroup(title: "Results") var results: ResultOptions
    @OptionGroup(title: "Service") var service: ServiceOptions
    @OptionGroup var addresses: AddressOptions
    @OptionGroup var common: CommonOptions

    package init() {}

    package mutating func perform() async throws -> CommandStatus {
      try await goOn(
        with: id, results, polling: JobPolling(deadline: .zero), service: service,
        allowsPrivate: addresses.allowsPrivate,
        common: common)
    }
  }

  /// `gesso jobs cancel`
  package struct Cancel: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "cancel", abstract: "Ask the service to cancel a job. Custom models' jobs cannot be canceled.")

    @Argument(help: "The job, or the number of its run.")
    var id: String

    @OptionGroup(title: "Service") var service: ServiceOptions
    @OptionGroup var common: CommonOptions

    package init() {}

    package mutating func perform() async throws -> CommandStatus {
      let (json, console) = (common.json, common.console)
      do {
        let job = try await jobToGoOn(with: id)
        let pipeline = try pipeline(service, common)
        let ended = try await Interruption.guarding(patience: nil) { try await pipeline.cancel(job) }
        let status = ended.status.description
        if json { try console.output(json: ["job": job, "status": status]) } else { try console.output(status) }
        return .done
      } catch {
        let failure = CommandError(any: error)
        try console.report(failure, input: id, json: json)
        return failure.status
      }
    }
  }

  /// `gesso jobs resolve`
  package struct Resolve: Verb {
    package static let configuration = CommandConfiguration(
      commandName: "resolve", abstract: "Decide about a run whose submit may have started a job.")

    @Argument(help: "The number of the run.")
    var run: Int64

    @Option(help: ArgumentHelp("The submit started this job.", valueName: "JOB"))
    var adopt: String?

    @Flag(help: "The submit started no job: the same command submits again.")
    var resubmit = false

    @Flag(help: "Abandon the run; its job, if any, is not looked for.")
    var drop = false

    @OptionGroup(title: "Service") var service: ServiceOptions
    @OptionGroup var common: CommonOptions

    package init() {}

    package mutating func validate() throws {
      guard [adopt != nil, resubmit, drop].count(where: \.self) == 1 else {
        throw ValidationError("decide: --adopt JOB, --resubmit or --drop")
      }
    }

    package mutating func perform() async throws -> CommandStatus {
      let decision: Img2ImgPipeline.Decision =
        adopt.map { .adopt(JobID(rawValue: $0)) } ?? (resubmit ? .resubmit : .drop)
      let (run, console) = (run, common.console)
      do {
        let entry = try await pipeline(service, common).resolve(run, decision)
        switch decision {
        case .adopt(let job): console.note("gesso: gesso jobs watch \(job) goes on with it")
        case .resubmit: console.note("gesso: the same command submits again")
        case .drop: break
        }
        if common.json {
          try console.output(json: try entry.json)
        } else {
          try console.output(entry.state.rawValue)
        }
        return .done
      } catch {
        let failure = CommandError(any: error)
        try console.report(failure, input: "run \(run)", json: common.json)
        return failure.status
      }
    }
  }
}

private func pipeline(
  _ service: ServiceOptions, allowsPrivate: Bool = false, _ common: CommonOptions
) throws -> Img2ImgPipeline {
  Img2ImgPipeline(
    client: ServiceOptions.client(
      try service.configuration.client(), allowsPrivate: allowsPrivate, verbose: common.verbose),
    ledger: try openLedger())
}

/// Waits for a job and downloads the results that are not on disk.
private func goOn(
  with id: String, _ results: ResultOptions, polling: JobPolling, service: ServiceOptions,
  allowsPrivate: Bool, common: CommonOptions
) async throws -> CommandStatus {
  let job: JobID
  do {
    job = try await jobToGoOn(with: id)
  } catch {
    try common.console.report(error, input: id, json: common.json)
    return error.status
  }
  let reporter = Img2ImgReporter(
    console: common.console, input: id, json: common.json, units: CreativeUnits(isOfOwnSandbox: false),
    job: job)
  do {
    let pipeline = try pipeline(service, allowsPrivate: allowsPrivate, common)
    let (folder, name, overwrites) = (results.folder, results.name, results.overwrite)
    let result = try await Interruption.guarding(patience: nil) {
      try await reporter.follow(
        pipeline.resume(
          job, folder: folder, nameTemplate: name, replacesResults: overwrites, polling: polling))
    }
    _ = try reporter.finish(result)
    return .done
  } catch {
    return try reporter.fail(error)
  }
}

extension Ledger {
  /// The run with this number, or the run of the job with this id.
  fileprivate func entry(named id: String) throws(PipelineError) -> LedgerEntry {
    if let run = Int64(id) { return try entry(run: run) }
    return try entry(job: JobID(rawValue: id))
  }
}

/// The job of this id, or of the run with this number, unless its sandbox has ended.
private func jobToGoOn(with id: String) async throws(CommandError) -> JobID {
  let ledger = try openLedger()
  guard let run = Int64(id) else {
    // A job that the ledger does not know may be one of another machine.
    if let entry = try? ledger.entry(named: id), let error = await EndedSandbox.error(entry) { throw error }
    return JobID(rawValue: id)
  }
  let entry = try reportingErrors { try ledger.entry(run: run) }
  guard let job = entry.jobID else {
    throw .usage("run \(run) has no job: it is \(entry.state.rawValue)", remedy: "see gesso jobs show \(run)")
  }
  if let error = await EndedSandbox.error(entry) { throw error }
  return job
}

/// The ledger of this user.
private func openLedger() throws(CommandError) -> Ledger {
  let settings = Configuration(flags: .init(), environment: Environment.variables, folder: ".")
  return try ServiceOptions.ledger(at: try settings.ledgerPath(), allowingNetwork: true)
}

extension Job {
  /// The line of `jobs list --account`: the job and its status, time, prompt, and cost.
  fileprivate var columns: [String] {
    [
      id.rawValue, status.description, createdAt,
      echo?.prompt.map { "\"\(TerminalText.shortened($0, to: 40))\"" }, billing?.cuCost.map { "\($0) creative units" },
    ].compactMap(\.self)
  }

  /// The object of `jobs show` for a job that only the service knows, and of `jobs list --account`.
  fileprivate func json(of account: ScenarioConfiguration) -> JSONObject {
    [
      "job": id, "run": nil as Int?, "state": status.description, "created": createdAt, "service": account.baseURL,
      "project": account.projectID, "prompt": echo?.prompt, "model": echo?.modelID, "seed": echo?.seed,
      "cost": billing?.cuCost, "failure": failureReason,
      "results": assetIDs.map { asset -> JSONObject in ["assetId": asset] },
    ]
  }
}

extension LedgerEntry {
  /// The line of `jobs list`: the run's number, its job and state, time, source, prompt, cost, first result, and why it failed.
  fileprivate var columns: [String] {
    let prompt = TerminalText.shortened(intent.prompt, to: 40)
    let more = results.count > 1 ? " and \(results.count - 1) more" : ""
    return [
      String(id), jobID?.rawValue ?? "-", state.rawValue, createdAt, intent.source,
      prompt.isEmpty ? nil : "\"\(prompt)\"",
      cost.map { "\($0) creative units" }, results.first.map { $0.path + more },
      state == .failed ? failure.map { TerminalText.shortened($0, to: 80) } : nil,
    ].compactMap(\.self)
  }

  /// The object of `jobs list --json` and `jobs show`.
  var json: JSONObject {
    get throws {
      [
        "job": jobID, "run": id, "attempt": attempt, "state": state.rawValue, "created": createdAt,
        "service": intent.baseURL, "project": intent.projectID, "source": intent.source,
        "sourceSha256": intent.sourceSHA256, "sourceAssetId": assetID, "prepared": intent.preparedPath,
        "preparedSha256": intent.preparedSHA256, "prompt": intent.prompt, "model": intent.model, "seed": intent.seed,
        "parameters": try JSONText.value(JSONValue.self, of: intent.parameters),
        "cost": cost.flatMap { Decimal(string: $0) }, "failure": failure,
        "candidates": candidates,
        "results": results.map { result -> JSONObject in
          ["output": result.path, "assetId": result.assetID, "sha256": result.sha256]
        },
      ]
    }
  }
}
