#if Client
package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI
internal import ScenarioSandbox

/// `gesso img2img`
package struct Img2Img: Verb {
  package static let configuration = CommandConfiguration(
    commandName: "img2img", abstract: "Prepare an image, upload it, submit a job, wait for it and download the results."
  )

  /// Which endpoint makes the image.
  package enum Mode: String, ExpressibleByArgument, CaseIterable {
    case legacy, custom, auto
  }

  @Argument(help: "A path, - for standard input, or an http(s) URL.")
  var input: String?

  @Option(help: "What the result should show.")
  var prompt: String?

  @Option(name: .customLong("prompt-file"), help: ArgumentHelp("Read the prompt from a file.", valueName: "FILE"))
  var promptFile: String?

  @Option(name: .customLong("negative-prompt"), help: "What to keep out of the image.")
  var negativePrompt: String?

  @Option(
    name: .customLong("negative-prompt-strength"),
    help: ArgumentHelp("How strongly to keep it out (default: 1.0 with --negative-prompt).", valueName: "0…10"))
  var negativePromptStrength: Double?

  @Option(help: ArgumentHelp("How far the result may leave the image.", valueName: "0.01…1"))
  var strength = 0.75

  @Option(help: ArgumentHelp("How many results.", valueName: "N"))
  var samples = 1

  @Option(help: "How closely to follow the prompt.")
  var guidance = 3.5

  @Option(help: ArgumentHelp("Denoising steps.", valueName: "N"))
  var steps = 28

  @Option(help: ArgumentHelp("Makes the draw repeatable (default: random, and recorded).", valueName: "N"))
  var seed: Int?

  @Option(help: "The model.")
  var model = "flux.1-dev"

  @Option(help: ArgumentHelp("Width of the results (default: the prepared image's).", valueName: "N"))
  var width: Int?

  @Option(help: ArgumentHelp("Height of the results (default: the prepared image's).", valueName: "N"))
  var height: Int?

  @Option(help: ArgumentHelp("Which endpoint makes the image: only legacy in this version.", visibility: .hidden))
  var mode = Mode.legacy

  @Option(
    name: .customLong("image-url"),
    help: ArgumentHelp("Send this address instead of an INPUT, without preparing anything.", valueName: "URL"))
  var imageURL: String?

  @Option(
    name: [.customShort("o"), .customLong("out-dir")],
    help: ArgumentHelp("The folder for the prepared image, the results and their records.", valueName: "DIR"))
  var folder = "."

  @Option(help: ArgumentHelp("What results are called.", valueName: "TEMPLATE"))
  var name = Img2ImgOrder.defaultNameTemplate

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace existing files.")
  var noClobber = false

  @Option(help: ArgumentHelp("How long to wait for the job.", valueName: "SECONDS"))
  var timeout = 600.0

  @Flag(help: "Use a stand-in of the service inside this process. Nothing is generated.")
  var sandbox = false

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
    if mode != .legacy { throw ValidationError("--mode \(mode.rawValue) is not in this version yet: leave it out") }
    if sandbox, service.baseURL != nil {
      throw ValidationError("--sandbox and --base-url exclude each other: keep one")
    }
    if folder == "-" { throw ValidationError("results are several files: name a folder with -o DIR") }
    try require(seed, in: 0...Img2ImgPipeline.largestSeed, "--seed")
    try require(timeout, in: 0...31_536_000, "--timeout")
  }

  package mutating func perform() async throws -> CommandStatus {
    let name = input.map { Input($0).name } ?? imageURL.map { Input($0).name }
    let reporter = Img2ImgReporter(console: common.console, input: name ?? "", json: common.json, sandbox: sandbox)
    do {
      let preparer = try Environment.preparer(Environment.variables)
      let configuration = service.configuration
      let ledgerPath = try configuration.ledgerPath()
      let account = sandbox ? nil : try configuration.client()
      let recipe = try preparation.recipe(
        defaultMultiple: Img2ImgOrder.defaultRecipe.multipleOf, defaultMaxBytes: Img2ImgOrder.defaultRecipe.maxBytes,
        model: model,
        threads: preparation.threads ?? Environment.cores)
      let command = self
      let result = try await Interruption.guarding(patience: nil, onSignal: reporter.interrupt) {
        let order = try await command.order(recipe: recipe, reporter: reporter)
        return try await command.withService(account, reporter) { client in
          let ledger = try ServiceOptions.ledger(at: ledgerPath)
          let pipeline = Img2ImgPipeline(client: client, ledger: ledger, preparer: preparer)
          return try await pipeline.run(order, polling: command.polling) { reporter.show($0) }
        }
      }
      try reporter.finish(result)
      return .done
    } catch {
      return try reporter.fail(error)
    }
  }

  /// What the flags ask for, with standard input and URLs read into memory.
  private func order(recipe: Recipe, reporter: Img2ImgReporter) async throws -> Img2ImgOrder {
    var request = Img2ImgRequest(
      prompt: try promptText(), image: Img2ImgOrder.laterImage, modelID: model, strength: strength, numSamples: samples,
      guidance: guidance, numInferenceSteps: steps, width: width, height: height, seed: seed.map(String.init),
      negativePrompt: negativePrompt, negativePromptStrength: negativePromptStrength)
    if negativePrompt != nil, negativePromptStrength == nil {
      // Flux heeds a negative prompt only with a strength above 0.
      request.negativePromptStrength = 1
      reporter.note("--negative-prompt-strength 1.0 is sent, without which Flux ignores the negative prompt")
    }
    let argument = input ?? imageURL ?? ""
    var order = Img2ImgOrder(
      source: .remote(url: argument), sourceName: Input(argument).name, stem: OutputNaming.stem(of: argument),
      request: request, folder: Self.withoutSlash(folder))
    if let input {
      order.source = .image(try await Input(input).repeatableSource(limit: preparation.maxDownload << 20))
    }
    order.recipe = recipe
    order.nameTemplate = name
    order.replacesFiles = !noClobber
    return order
  }

  private func promptText() throws(CommandError) -> String {
    if let prompt { return prompt }
    guard let path = promptFile, let text = SettingsFile(path: path)?.text else {
      throw .usage("the prompt file cannot be read as a small text file", remedy: "check --prompt-file")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Runs `work` with a client of the service, or of a stand-in that lives as long.
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
    // The stand-in's jobs take three seconds, and asking it costs nothing.
    sandbox
      ? JobPolling(initialInterval: .milliseconds(200), longestInterval: .seconds(1), deadline: .seconds(timeout))
      : JobPolling(deadline: .seconds(timeout))
  }

  private static func withoutSlash(_ folder: String) -> String {
    var folder = folder[...]
    while folder.count > 1, folder.hasSuffix("/") { folder = folder.dropLast() }
    return folder.isEmpty ? "." : String(folder)
  }
}
#endif
