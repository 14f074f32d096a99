package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI
internal import ScenarioSandbox

/// `gesso img2img`
package struct Img2Img: Verb {
  package static let configuration = CommandConfiguration(
    verb: "img2img", "Prepare an image, upload it, submit a job, wait for it and download the results.",
    examples: [
      "gesso img2img photo.jpg --prompt \"the same scene in autumn\" -o out",
      "gesso img2img photo.jpg --prompt \"the same scene in autumn\" --dry-run",
      "gesso img2img photo.jpg --prompt-file prompt.txt --samples 2 --max-cost 50",
    ])

  /// The endpoint that makes the image.
  package enum Mode: String, ExpressibleByArgument, CaseIterable {
    case legacy, custom, auto
  }

  @Argument(help: "A path, - for standard input, or an http(s) URL.")
  var input: String?

  @Option(parsing: .unconditional, help: "What the result should show.")
  var prompt: String?

  @Option(
    name: .customLong("prompt-file"),
    help: ArgumentHelp("Read the prompt from a file; - for standard input.", valueName: "FILE"))
  var promptFile: String?

  @Option(help: "The model.")
  var model = "flux.1-dev"

  @Option(
    help: ArgumentHelp(
      "Which endpoint makes the image: the legacy one; the custom models'; or the legacy one, and where the service no longer has "
        + "it, the custom model of flux.1-dev.", valueName: "legacy|custom|auto"))
  var mode = Mode.auto

  @Option(
    name: .customLong("param"),
    help: ArgumentHelp(
      "A field of the request, as JSON or text, or an image as @FILE, which is uploaded; may be repeated.",
      valueName: "KEY=VALUE"))
  var parameters: [String] = []

  @Flag(name: .customLong("dry-run"), help: "Ask for the price only.")
  var dryRun = false

  @Option(
    name: .customLong("max-cost"), parsing: .unconditional,
    help: ArgumentHelp("Refuse to submit above this many creative units.", valueName: "CU"))
  var maxCost: String?

  @Option(
    name: .customLong("max-cost-per-day"), parsing: .unconditional,
    help: ArgumentHelp(
      "Refuse to submit when the account's jobs of the day (UTC) would cost more than this, as the ledger knows them; otherwise "
        + "GESSO_MAX_COST_PER_DAY.", valueName: "CU"))
  var maxCostPerDay: String?

  @Flag(name: .customLong("no-wait"), help: "Print the job's id as soon as it is submitted.")
  var noWait = false

  @Flag(help: "Start a new job for a finished command; without it the earlier results are printed.")
  var again = false

  @Option(
    name: .customLong("image-url"),
    help: ArgumentHelp("Send this address instead of an INPUT, without preparing anything.", valueName: "URL"))
  var imageURL: String?

  @Option(
    help: ArgumentHelp(
      "Paint anew what is white in this image, of INPUT's size, and keep what is black.", valueName: "FILE"))
  var mask: String?

  @Option(
    help: ArgumentHelp("An image of INPUT's size that controls shapes, with --modality.", valueName: "FILE"))
  var control: String?

  @Option(
    help: ArgumentHelp(
      "What the control shows: canny, depth, pose, …; without --control, INPUT controls and is not started from.",
      valueName: "NAME"))
  var modality: String?

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace another file by a prepared image.")
  var noClobber = false

  @Option(help: ArgumentHelp("How long to wait for the job (default: 600).", valueName: "SECONDS"))
  var timeout: Double?

  @Flag(help: "Use a stand-in of the service inside this process. Nothing is generated.")
  var sandbox = false

  @OptionGroup(title: "Generation") var generation: GenerationOptions
  @OptionGroup(title: "Results") var results: ResultOptions
  @OptionGroup(title: "Service") var service: ServiceOptions
  @OptionGroup(title: "Preparation") var preparation: PreparationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    guard (input == nil) != (imageURL == nil) else {
      throw ValidationError("give one image to start from: an INPUT, or --image-url URL")
    }
    guard (prompt == nil) != (promptFile == nil) else {
      throw ValidationError("say what the result should show: --prompt TEXT or --prompt-file FILE")
    }
    try requireText(prompt, "--prompt")
    try requireText(generation.negativePrompt, "--negative-prompt")
    for (name, text) in [("--max-cost", maxCost), ("--max-cost-per-day", maxCostPerDay)] {
      guard let text, Self.creativeUnits(text) == nil else { continue }
      throw ValidationError(Self.limitError(name, text))
    }
    for parameter in parameters where !parameter.dropFirst().contains("=") {
      throw ValidationError("--param takes KEY=VALUE, not \(parameter)")
    }
    guard control == nil || modality != nil else { throw ValidationError("--control needs --modality NAME") }
    guard mask == nil || modality == nil else {
      throw ValidationError("--mask and --modality exclude each other: keep one")
    }
    if mask ?? modality != nil {
      guard input != nil else { throw ValidationError("--mask and --modality need an INPUT, not --image-url") }
      guard mode != .custom else {
        throw ValidationError("--mask and --modality are for --mode legacy; custom models name images with --param")
      }
    }
    if sandbox, noWait { throw ValidationError("--no-wait and --sandbox exclude each other: its jobs end with it") }
    if sandbox, service.baseURL != nil {
      throw ValidationError("--sandbox and --base-url exclude each other: keep one")
    }
    let idle: [(flag: String, isGiven: Bool, isIdle: Bool, with: String)] = [
      ("--timeout", timeout != nil, noWait, "with --no-wait"),
      ("--overwrite", results.overwrite, noWait, "with --no-wait"),
      ("--no-clobber", noClobber, imageURL != nil, "with --image-url"),
      ("--strength", generation.strength != nil, modality != nil && control == nil, "with --modality and no --control"),
      (
        "--negative-prompt-strength", generation.negativePromptStrength != nil, generation.negativePrompt == nil,
        "without --negative-prompt"
      ),
    ]
    if let (flag, _, _, with) = idle.first(where: { $0.isGiven && $0.isIdle }) {
      throw ValidationError("\(flag) has no effect \(with): leave it out")
    }
    try require(timeout, in: 0...31_536_000, "--timeout")
  }

  package mutating func perform() async throws -> CommandStatus {
    let name = input.map { Input($0).name } ?? imageURL.map { Input($0).name }
    let reporter = Img2ImgReporter(console: common.console, input: name ?? "", json: common.json, sandbox: sandbox)
    do {
      if imageURL != nil { try preparation.refuseAll(with: "--image-url") }
      let limits = preparation.limits(threads: preparation.threads ?? Environment.cores)
      let preparer = try Environment.preparer(Environment.variables, limits: limits)
      let configuration = service.configuration
      let ledgerPath = try configuration.ledgerPath()
      let account = sandbox ? nil : try configuration.client()
      let recipe = try preparation.recipe(
        defaultMultiple: Img2ImgOrder.defaultMultiple, defaultMaxBytes: Img2ImgOrder.defaultMaxBytes, model: model,
        isSent: true)
      let command = self
      let result = try await Interruption.guarding(patience: nil, onSignal: reporter.interrupt) {
        let order = try await command.order(recipe: recipe, reporter: reporter)
        return try await command.withService(account, reporter) { client in
          let ledger = try ServiceOptions.ledger(at: ledgerPath)
          let pipeline = Img2ImgPipeline(client: client, ledger: ledger, preparer: preparer)
          var order = order
          try await command.choose(&order, client)
          guard command.dryRun else {
            return Outcome.result(try await reporter.follow(pipeline.start(order, polling: command.polling)))
          }
          return .price(try await reporter.follow(pipeline.price(order)))
        }
      }
      switch result {
      case .price(let price): try reporter.finish(price: price)
      case .result(let result): try reporter.finish(result)
      }
      return .done
    } catch {
      return try reporter.fail(error)
    }
  }

  private enum Outcome: Sendable {
    case price(Decimal)
    case result(Img2ImgResult)
  }

  /// Chooses the endpoint that runs the order's model, and checks the order against the fields that a custom model publishes.
  private func choose(_ order: inout Img2ImgOrder, _ client: ScenarioClient) async throws {
    // With a mask or control image, and for the default model, the legacy endpoint is tried first.
    let isLegacyFirst = order.maySwitch || order.second != nil || order.endpoint != .img2img
    guard mode == .custom || (mode == .auto && !isLegacyFirst) else { return }
    let model = try await client.model(order.generation.modelID)
    if model.custom == true { order.endpoint = .custom }
    guard mode == .auto || model.custom == true else {
      throw CommandError.usage("model \(model.id) is no custom model", remedy: "use --mode legacy or --mode auto")
    }
    var request = order.request
    // Values that are filled in later always fit: sides are multiples of 16, and images are assets.
    (request.width, request.height) = (request.width ?? 1024, request.height ?? 1024)
    for field in order.references.keys {
      let type = model.inputs?.first { $0.name == field }?.type
      if type == "file_array" { order.references[field]?.isList = true }
      request.parameters[field] = order.references[field]?.laterValue
    }
    try model.check(request)
  }

  /// A number of creative units; nil unless the whole text is a number. Foundation alone reads `0,5` as 0 and `12abc` as 12.
  private static func creativeUnits(_ text: String) -> Decimal? {
    guard text.wholeMatch(of: /[0-9]{1,12}(\.[0-9]{1,12})?/) != nil else { return nil }
    return Decimal(string: text)
  }

  private static func limitError(_ name: String, _ text: String) -> String {
    "\(name) takes a number of creative units in digits, such as 12 or 7.5, not \(text.isEmpty ? "an empty text" : text)"
  }

  /// The limit of the day: from the flag, otherwise from the environment or `.env`.
  private func dailyLimit() throws(CommandError) -> Decimal? {
    let written = if let maxCostPerDay { maxCostPerDay } else { try service.configuration.dailyLimit() }
    guard let text = written else { return nil }
    guard let limit = Self.creativeUnits(text) else {
      throw .usage(Self.limitError(Configuration.dailyLimitName, text), remedy: "correct it, or unset it")
    }
    return limit
  }

  /// The value of a `--param`: JSON if the text is valid JSON, otherwise text.
  ///
  /// - Throws: Status 2 for a number that would not be sent as it was written.
  private static func value(_ text: Substring, of name: String) throws(CommandError) -> JSONValue {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else {
      return .string(String(text))
    }
    if case .number(let number) = value, abs(number) > 9_007_199_254_740_992, Int64(exactly: number) == nil {
      throw .usage(
        "--param \(name) is \(text), and a number that large would not be sent as it is written",
        remedy: #"send it as text with --param '\#(name)="\#(text)"'"#)
    }
    return value
  }

  /// The order that the flags describe, with pipes and URLs read to their ends.
  private func order(recipe: Recipe, reporter: Img2ImgReporter) async throws -> Img2ImgOrder {
    if let input, Input.isFolder(input) {
      throw CommandError.usage(
        "img2img takes one image at a time, and \(input) is a folder", remedy: Self.loop(over: "\(input)/*"))
    }
    let images = parameters.compactMap { $0.split(separator: "=", maxSplits: 1).last }.filter { $0.hasPrefix("@") }
    try PipedInput.checkNamedOnce(
      [input, mask, control, promptFile].compactMap(\.self) + images.map { String($0.dropFirst()) })
    var settings = Generation(prompt: try await promptText(), modelID: model)
    generation.apply(to: &settings)
    var references: [String: ReferenceImages] = [:]
    for parameter in parameters {
      let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let (field, value) = (String(parts[0]), parts[1])
      if value.hasPrefix("@") {
        let image = try await image(String(value.dropFirst()))
        references[field, default: ReferenceImages(images: [], isList: false)].images.append(image)
      } else {
        settings.parameters[field] = try Self.value(value, of: field)
      }
    }
    if settings.negativePrompt != nil, settings.negativePromptStrength == nil {
      // Flux heeds a negative prompt only with a strength above 0.
      settings.negativePromptStrength = 1
      reporter.note("--negative-prompt-strength 1.0 is sent, without which Flux ignores the negative prompt")
    }
    let argument = input.map { Input($0).argument } ?? imageURL ?? ""
    var order = Img2ImgOrder(
      source: .remote(url: argument), sourceName: Input(argument).name, stem: OutputNaming.stem(of: argument),
      generation: settings, folder: results.folder ?? ".")
    if let input {
      order.source = .image(try await image(input))
    }
    order.references = references
    if let mask { order.second = .mask(try await image(mask)) }
    if let modality {
      if let control {
        order.second = .control(try await image(control), modality: modality)
      } else {
        order.endpoint = .controlnet(modality: modality)
      }
    }
    order.recipe = recipe
    order.nameTemplate = results.name ?? Img2ImgOrder.defaultNameTemplate
    order.replacesResults = results.overwrite
    order.replacesPreparedImages = !noClobber
    order.again = again
    order.waits = !noWait
    order.maxCost = maxCost.flatMap(Self.creativeUnits)
    order.maxCostPerDay = try dailyLimit()
    order.allowsCustomModel = mode == .auto
    return order
  }

  /// A line of the shell that takes several images.
  static func loop(over images: String) -> String {
    "for f in \(images); do gesso img2img \"$f\" --prompt TEXT -o out; done"
  }

  /// The source of an image, which is read for its digest and to be prepared.
  private func image(_ argument: String) async throws -> ImageSource {
    try await Input(argument).source(limit: preparation.maxDownload << 20, isReadAgain: true)
  }

  private func promptText() async throws(CommandError) -> String {
    if let promptFile { return try await PromptText.read(promptFile) }
    return prompt ?? ""
  }

  /// Runs `work` with a client of the service, or of a sandbox that lives as long as the work.
  private func withService<Result: Sendable>(
    _ account: ScenarioConfiguration?, _ reporter: Img2ImgReporter,
    _ work: (ScenarioClient) async throws -> Result
  ) async throws -> Result {
    if let account { return try await work(ServiceOptions.client(account, verbose: common.verbose)) }
    let pair = SandboxCredential.random()
    let sandbox = ScenarioSandbox(configuration: SandboxConfiguration(credentials: [pair]))
    let address = try await sandbox.start()
    reporter.note("the sandbox stands in for the service: nothing is generated, and nothing is paid for")
    do {
      let configuration = try ScenarioConfiguration(
        baseURL: address.absoluteString, credential: ScenarioCredential(key: pair.key, secret: pair.secret))
      let result = try await work(ServiceOptions.client(configuration, verbose: common.verbose))
      await sandbox.stop()
      return result
    } catch {
      await sandbox.stop()
      throw error
    }
  }

  private var polling: JobPolling {
    // The sandbox's jobs take three seconds, and requests to it are cheap.
    sandbox
      ? JobPolling(
        initialInterval: .milliseconds(200), longestInterval: .seconds(1), deadline: .seconds(timeout ?? 600))
      : JobPolling(deadline: .seconds(timeout ?? 600))
  }
}
