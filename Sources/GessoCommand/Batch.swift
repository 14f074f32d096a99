package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// `gesso batch`
package struct Batch: Verb {
  package static let configuration = CommandConfiguration(
    verb: "batch", "Carry out a job for each image of a folder, or for each row of a list or manifest.",
    examples: [
      "gesso batch photos --prompt \"the same scene in autumn\" -o out",
      "gesso batch photos --prompt-file prompt.txt -o out --check",
      "ls photos/*.jpg | gesso batch - --prompt \"autumn\" -o out --max-cost 50",
    ],
    discussion: """
      A manifest is a file of JSON Lines (.jsonl), CSV or TSV with a row for each job. Its column input names the image, relative to the \
      manifest's folder; every flag of img2img may be a column (prompt, strength, max-side, …), whose value replaces the \
      flag. --prompt takes {stem} and {row.COLUMN}, --name {row.COLUMN}. Rows without a seed get one from their key: the column id, \
      the path, or all of the row's columns.

      Given again, the same command continues and does not repeat finished rows. The ledger has the batch under the name that is printed.

      Images are prepared ahead of the jobs, but those that wait for their upload take no more than a quarter of --max-memory and a tenth \
      of the free disk.
      """)

  @Argument(help: "A folder with the folders within it, a manifest, or - for a list of paths on standard input.")
  var source: String

  @Flag(help: "Print the rows as a table and spend nothing; with --dry-run also their prices.")
  var check = false

  @Flag(
    name: .customLong("prepare-only"), help: "Prepare the images into -o, and send nothing; a later batch uses them.")
  var prepareOnly = false

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Take only files of a folder that match this pattern; may be repeated.", valueName: "PATTERN"))
  var include: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Leave out files and folders that match this pattern; may be repeated.", valueName: "PATTERN"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "Take one part of n of the rows, from 1/n to n/n, the same on every machine; auto takes it from a Slurm array or a Kubernetes "
        + "Indexed Job. Limits of cost become one n-th. Each part has a ledger of its own (GESSO_LEDGER).",
      valueName: "i/n|auto[/n]"))
  var shard: ShardArgument?

  @Flag(name: .customLong("retry-failed"), help: "Retry rows that failed before.")
  var retryFailed = false

  @Option(
    name: .customLong("max-failures"),
    help: ArgumentHelp("Begin no more rows after this many have failed.", valueName: "N"))
  var maxFailures: Int?

  @Option(name: .customLong("max-jobs"), help: ArgumentHelp("Start no more jobs than this.", valueName: "N"))
  var maxJobs: Int?

  @OptionGroup(title: "Request") var request: RequestOptions
  @OptionGroup(title: "Job") var job: JobOptions
  @OptionGroup(title: "Results") var results: ResultOptions
  @OptionGroup(title: "Generation") var generation: GenerationOptions
  @OptionGroup(title: "Preparation") var preparation: PreparationOptions
  @OptionGroup(title: "Service") var service: ServiceOptions
  @OptionGroup var addresses: AddressOptions
  @OptionGroup var isolating: IsolationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  /// The flags that `img2img` does not have.
  private static let own: Set = [
    "--check", "--prepare-only", "--include", "--exclude", "--shard", "--retry-failed", "--max-failures", "--max-jobs",
  ]
  /// The flags that do not change the identity of a batch: the same command with other values of these flags continues the same batch.
  private static let ofRun: Set = own.subtracting(["--include", "--exclude"]).union([
    "--max-cost", "--max-cost-per-day", "--json", "--quiet", "--verbose", "--timeout", "--threads", "--max-memory",
    "--max-download", "--max-input-pixels", "--allow-private", "--isolate", "--no-isolate", "--no-wait", "--dry-run",
    "--base-url", "--project", "--sandbox", "--out-dir",
  ])

  package mutating func validate() throws {
    for (flag, isGiven) in [
      ("--mask", request.mask != nil), ("--control", request.control != nil), ("--image-url", request.imageURL != nil),
    ] where isGiven {
      throw ValidationError("\(flag) belongs to one image: give it as a column of a manifest")
    }
    if job.again { throw ValidationError("batch has no flag --again: another --seed makes other results") }
    if job.promptFile == "-" { throw ValidationError("--prompt-file - could be read for one row only: name a file") }
    if results.folder == nil, !check, !job.dryRun { throw ValidationError("say where the results go: -o DIR") }
    if prepareOnly, job.dryRun || job.noWait {
      throw ValidationError("--prepare-only sends nothing: leave out \(job.dryRun ? "--dry-run" : "--no-wait")")
    }
    if check, prepareOnly { throw ValidationError("--check and --prepare-only exclude each other: keep one") }
    try require(maxFailures, in: 1...Int.max, "--max-failures")
    try require(maxJobs, in: 1...Int.max, "--max-jobs")
    try service.check(with: job)
  }

  package mutating func perform() async throws -> CommandStatus {
    let console = common.console
    let shard = try shard?.shard(Environment.variables)
    let words = Array(CommandLine.arguments.dropFirst())
    let given = OptionWords(Array(try Synonyms.resolved(words).arguments.dropFirst()), OptionTable(of: "batch"))
    let folder = results.folder ?? "."
    let rows = try rows(leavingOut: folder)
    for failure in rows.unreadable { try console.report(CommandError(failure), input: nil, json: common.json) }
    let status = try await perform(rows, given, words, folder, shard)
    guard status == .done, !rows.unreadable.isEmpty else { return status }
    let count = rows.unreadable.count
    console.note("gesso: \(count) folder\(count == 1 ? "" : "s") could not be read; the images there are missing")
    return .someFailed
  }

  /// Carries out the rows that could be read.
  private func perform(
    _ rows: BatchRows, _ given: OptionWords, _ words: [String], _ folder: String, _ shard: Shard?
  ) async throws -> CommandStatus {
    let console = common.console
    var options = given.options.filter { !Self.own.contains($0.name) }
    // The parser of `img2img` reads each row, and it requires a prompt. This placeholder changes nothing in the prepared image.
    if prepareOnly, job.prompt ?? job.promptFile == nil { options.append(.init(name: "--prompt", value: "-")) }
    var jobs = RowJobs(rows, options: options, folder: folder)
    try refuse(await jobs.check(), of: rows)
    let unused = jobs.unusedColumns()
    if !unused.isEmpty {
      console.note("gesso: not used: the column\(unused.count == 1 ? "" : "s") \(unused.joined(separator: ", "))")
    }
    let chosen = if let shard { try chosen(of: jobs, shard) } else { Array(0..<jobs.rows.count) }
    if check, !job.dryRun {
      return try await BatchTable(jobs, chosen, common, preparation, isolating).print(prices: nil, in: nil)
    }
    let account = try account()
    let name = try name(given, rows, folder, service: account?.serviceIdentity ?? "sandbox")
    let line = ShellWords.line(["gesso"] + words)
    let report = BatchReporter(
      name: name, words: ["gesso"] + words, isList: source == "-", jobs: jobs, chosen: chosen, options: common,
      units: CreativeUnits(isOfOwnSandbox: job.sandbox), prepares: prepareOnly)
    let command = self
    // After Ctrl-C the command waits at most four seconds for a submit that hangs. The submit is on record, so the same command looks for
    // its job later.
    return try await Interruption.guarding(patience: .seconds(4), onSignal: report.interrupt) {
      try await command.run(jobs, chosen, shard, account, report, name: name, line: line, folder: folder)
    }
  }

  private func run(
    _ jobs: RowJobs, _ chosen: [Int], _ shard: Shard?, _ account: ScenarioConfiguration?, _ report: BatchReporter,
    name: String, line: String, folder: String
  ) async throws -> CommandStatus {
    let limits = preparation.limits(
      threads: max(1, (preparation.threads ?? Environment.cores) / min(max(1, chosen.count), Environment.cores)))
    let preparer = try Environment.preparer(
      Environment.variables, limits: limits, isolation: isolating.isolation)
    let ledger = try ServiceOptions.ledger(
      at: try service.configuration.ledgerPath(), allowingNetwork: shard != nil)
    func orders(
      on pipeline: Img2ImgPipeline, _ order: @escaping @Sendable (RowJobs.Job) async throws -> Img2ImgOrder
    ) -> Img2ImgBatch {
      var batch = Img2ImgBatch(pipeline: pipeline, count: chosen.count) { index in
        let job = try jobs.job(chosen[index])
        let row = LedgerBatchRow(
          position: job.position, key: job.key, input: job.input.name,
          path: job.input.file.map { URL(filePath: $0).standardizedFileURL.path })
        return Img2ImgBatch.Item(row: row) { try await order(job) }
      }
      (batch.width, batch.ahead, batch.keepsOrder) = (128, 2 * Environment.cores + 8, false)
      (batch.retriesFailed, batch.maxFailures, batch.maxJobs) = (retryFailed, maxFailures, maxJobs)
      batch.patience = .seconds(job.timeout ?? 600)
      batch.words = { FailureRecord(CommandError(any: $0)) }
      return batch
    }
    if prepareOnly {
      let pipeline = Img2ImgPipeline(ledger: ledger, preparer: preparer)
      return try await report.follow(orders(on: pipeline) { try await $0.order() }.preparations())
    }
    return try await ServiceOptions.withClient(
      account, allowsPrivate: addresses.allowsPrivate, console: common.console, verbose: common.verbose
    ) { client in
      report.units.follow(client)
      let pipeline = Img2ImgPipeline(client: client, ledger: ledger, preparer: preparer)
      let models = ModelCache(client)
      let (parts, daily) = (shard?.count ?? 1, try job.dailyLimit(service.configuration))
      var batch = orders(on: pipeline) { job in
        var order = try await job.order()
        order.maxCostPerDay = daily.map { $0 / Decimal(parts) }
        try await job.command.choose(&order, models)
        return order
      }
      batch.maxCost = job.costLimit.map { $0 / Decimal(parts) }
      if job.dryRun { return try await prices(batch, report, jobs, chosen) }
      batch.batch = try ledger.beginBatch(
        named: name, input: absoluteSource, folder: URL(filePath: folder).standardizedFileURL.path,
        command: Secrets.withoutUser(line), rowCount: jobs.rows.count)
      return try await report.follow(batch.start(polling: job.polling))
    }
  }

  private func prices(
    _ batch: Img2ImgBatch, _ report: BatchReporter, _ jobs: RowJobs, _ chosen: [Int]
  ) async throws -> CommandStatus {
    let (status, prices) = try await report.follow(batch.prices(), keeping: check)
    guard check, status == .done else { return status }
    return try await BatchTable(jobs, chosen, common, preparation, isolating).print(prices: prices, in: report.units)
  }

  // MARK: Rows

  private func rows(leavingOut folder: String) throws(CommandError) -> BatchRows {
    if source != "-", Input.isFolder(source) {
      if FileIdentity(source) == FileIdentity(folder), results.folder != nil {
        throw .usage("the results would be among the images, and inputs of the next run", remedy: "give another -o DIR")
      }
      var path = source[...]
      while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
      return try reportingErrors {
        try BatchRows(
          folder: String(path), include: include, exclude: exclude,
          leavingOut: results.folder == nil ? nil : folder)
      }
    }
    guard include.isEmpty, exclude.isEmpty else {
      throw .usage("--include and --exclude are for a folder", remedy: "leave them out")
    }
    return try reportingErrors {
      if source == "-" {
        return try BatchRows(manifest: nil) { try Self.next(STDIN_FILENO, "standard input") }
      }
      let file = try OpenFile.stream(source)
      return try BatchRows(manifest: source) { try Self.next(file.descriptor, source) }
    }
  }

  /// The next bytes of a manifest; nil at its end.
  private static func next(_ descriptor: Int32, _ name: String) throws(FileFailure) -> ArraySlice<UInt8>? {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileFailure.reading(name) }
      return count == 0 ? nil : buffer[..<count]
    }
  }

  /// Reports bad rows, before anything is spent.
  private func refuse(_ found: (bad: [(position: Int, error: CommandError)], count: Int), of rows: BatchRows) throws {
    guard let first = found.bad.first else { return }
    // If all rows have the same error, its cause is the command line, not a row.
    if found.count == rows.count, found.bad.allSatisfy({ $0.error == first.error }) { throw first.error }
    for (position, error) in found.bad {
      try common.console.report(
        error, input: "\(source) \(rows.form == .folder ? "image" : "line") \(position)", json: common.json)
    }
    let more = found.count - found.bad.count
    throw CommandError.usage(
      "\(found.count) of \(rows.count) rows \(found.count == 1 ? "is" : "are") bad"
        + (more > 0 ? ", of which \(more) are not shown" : "")
        + ", and nothing was begun", remedy: "correct or remove them")
  }

  /// The indices of a shard's rows among all rows.
  private func chosen(of jobs: RowJobs, _ shard: Shard) throws(CommandError) -> [Int] {
    var chosen: [Int] = []
    for index in 0..<jobs.rows.count
    where BatchRowKey.shard(of: try jobs.job(index).key, count: shard.count) == shard.index {
      chosen.append(index)
    }
    var limits = job.maxCost == nil ? [] : ["--max-cost"]
    if try job.dailyLimit(service.configuration) != nil {
      limits.append(job.maxCostPerDay == nil ? Configuration.dailyLimitName : "--max-cost-per-day")
    }
    common.console.note(
      "gesso: shard \(shard.index) of \(shard.count), \(Figure.count(chosen.count)) of \(Figure.count(jobs.rows.count)) rows"
        + (limits.isEmpty ? "" : "; 1/\(shard.count) of \(limits.joined(separator: " and ")) is for it"))
    return chosen
  }

  // MARK: The batch

  /// The account that pays; nil for a sandbox, and if images are only prepared.
  private func account() throws(CommandError) -> ScenarioConfiguration? {
    job.sandbox || prepareOnly ? nil : try service.configuration.client()
  }

  private var absoluteSource: String { source == "-" ? "-" : URL(filePath: source).standardizedFileURL.path }

  /// The name of the batch. It depends on the command, the input and the output, and not on the limits.
  private func name(
    _ given: OptionWords, _ rows: BatchRows, _ folder: String, service: String
  ) throws(CommandError) -> String {
    let options = given.options.filter { !Self.ofRun.contains($0.name) }.map(\.word).sorted()
    let input = source == "-" ? try reportingErrors(rows.digest) : absoluteSource
    let parts = [service, input, URL(filePath: folder).standardizedFileURL.path] + options
    let number = String(BatchRowKey.number(parts.joined(separator: "\n")), radix: 16)
    let stem = source == "-" ? "list" : OutputNaming.stem(of: absoluteSource)
    return "\(stem)-\(String(repeating: "0", count: max(0, 16 - number.count)) + number)".prefix(stem.count + 7)
      .description
  }
}

extension RowJobs.Job {
  /// The order of the row.
  func order() async throws -> Img2ImgOrder {
    let shared = try await command.order(recipe: try command.recipe(), [input])
    var order = try await command.order(of: input, stem: stem, like: shared)
    order.folder = folder
    if order.generation.seed == nil { order.generation.seed = BatchRowKey.seed(of: key) }
    return order
  }
}

extension FailureRecord {
  init(_ error: CommandError) {
    self.init(code: error.code, stage: error.stage.rawValue, message: error.message, remedy: error.remedy)
  }
}
