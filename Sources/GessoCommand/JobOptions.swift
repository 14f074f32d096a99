internal import ArgumentParser
internal import Foundation
internal import ScenarioAPI

/// The flags for the content of a job, and for its limits of cost.
struct JobOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "What the result should show.")
  var prompt: String?

  @Option(
    name: .customLong("prompt-file"),
    help: ArgumentHelp("Read the prompt from a file; - for standard input.", valueName: "FILE"))
  var promptFile: String?

  @Option(help: "The model.")
  var model = "flux.1-dev"

  @Flag(name: .customLong("dry-run"), help: "Ask only for the price of each input, and of all together.")
  var dryRun = false

  @Option(
    name: .customLong("max-cost"), parsing: .unconditional,
    help: ArgumentHelp(
      "Refuse jobs that would bring the cost of all inputs, earlier attempts included, above this many creative units.",
      valueName: "CU"))
  var maxCost: String?

  @Option(
    name: .customLong("max-cost-per-day"), parsing: .unconditional,
    help: ArgumentHelp(
      "Refuse jobs that would bring the cost of the account's day (UTC) above this, as far as the ledger knows; otherwise "
        + "GESSO_MAX_COST_PER_DAY.", valueName: "CU"))
  var maxCostPerDay: String?

  @Flag(name: .customLong("no-wait"), help: "Print the job's id as soon as it is submitted.")
  var noWait = false

  @Flag(help: "Start a new job for a finished command; without it the earlier results are printed.")
  var again = false

  @Option(help: ArgumentHelp("How long to wait for the job (default: 600).", valueName: "SECONDS"))
  var timeout: Double?

  @Flag(help: "Use a stand-in of the service inside this process. Nothing is generated.")
  var sandbox = false

  init() {}

  mutating func validate() throws {
    if prompt != nil, promptFile != nil {
      throw ValidationError("--prompt and --prompt-file exclude each other: keep one")
    }
    try requireText(prompt, "--prompt")
    for (name, text) in [("--max-cost", maxCost), ("--max-cost-per-day", maxCostPerDay)] {
      try Self.checkLimit(text, name)
    }
    try require(timeout, in: 0...31_536_000, "--timeout")
  }

  /// Refuses flags that give no prompt.
  func requirePrompt() throws {
    guard prompt ?? promptFile != nil else {
      throw ValidationError("say what the result should show: --prompt TEXT or --prompt-file FILE")
    }
  }

  /// The intervals at which the client reads a job, and the time after which it stops.
  var polling: JobPolling {
    // The sandbox's jobs take three seconds, and requests to it are cheap.
    sandbox
      ? JobPolling(
        initialInterval: .milliseconds(200), longestInterval: .seconds(1), deadline: .seconds(timeout ?? 600))
      : JobPolling(deadline: .seconds(timeout ?? 600))
  }

  /// The limit of the cost of all jobs of the command together; nil for none.
  var costLimit: Decimal? { maxCost.flatMap(Self.creativeUnits) }

  /// A number of creative units; nil unless the whole text is a number. Our own check is necessary because Foundation reads `0,5` as 0 and
  /// `12abc` as 12.
  private static func creativeUnits(_ text: String) -> Decimal? {
    guard text.wholeMatch(of: /[0-9]{1,12}(\.[0-9]{1,12})?/) != nil else { return nil }
    return Decimal(string: text)
  }

  private static func limitError(_ name: String, _ text: String) -> String {
    "\(name) takes a number of creative units in digits, such as 12 or 7.5, not \(text.isEmpty ? "an empty text" : text)"
  }

  /// Refuses the value of a flag that is not a number of creative units.
  static func checkLimit(_ text: String?, _ name: String) throws {
    if let text, creativeUnits(text) == nil { throw ValidationError(limitError(name, text)) }
  }

  /// The daily limit: from the flag, otherwise from the environment or `.env`.
  func dailyLimit(_ configuration: Configuration) throws(CommandError) -> Decimal? {
    try Self.dailyLimit(flag: maxCostPerDay, configuration)
  }

  /// The daily limit: from a flag, otherwise from the environment or `.env`.
  static func dailyLimit(flag: String?, _ configuration: Configuration) throws(CommandError) -> Decimal? {
    let written = if let flag { flag } else { try configuration.dailyLimit() }
    guard let text = written else { return nil }
    guard let limit = creativeUnits(text) else {
      throw .usage(limitError(Configuration.dailyLimitName, text), remedy: "correct it, or unset it")
    }
    return limit
  }

  /// The prompt, read from its file if there is one.
  func promptText() async throws(CommandError) -> String {
    if let promptFile { return try await PromptText.read(promptFile) }
    return prompt ?? ""
  }
}
