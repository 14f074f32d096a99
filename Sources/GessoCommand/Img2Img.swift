package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI
internal import ScenarioSandbox

/// `gesso img2img`
package struct Img2Img: Verb {
  package static let configuration = CommandConfiguration(
    verb: "img2img", "Prepare images, upload them, submit a job for each, wait and download the results.",
    examples: [
      "gesso img2img photo.jpg --prompt \"the same scene in autumn\" -o out",
      "gesso img2img photos/*.jpg --prompt \"the same scene in autumn\" --dry-run",
      "gesso img2img photos -o out --prompt-file prompt.txt --max-cost 50",
    ])

  /// The endpoint that makes the image.
  package enum Mode: String, ExpressibleByArgument, CaseIterable {
    case legacy, custom, auto
  }

  @Argument(help: "Paths, folders, - for standard input, or http(s) URLs; one job each.")
  var inputs: [String] = []

  @Flag(help: "Take the images of folders within folders as well.")
  var recursive = false

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

  @OptionGroup(title: "Job") var job: JobOptions
  @OptionGroup(title: "Results") var results: ResultOptions
  @OptionGroup(title: "Generation") var generation: GenerationOptions
  @OptionGroup(title: "Preparation") var preparation: PreparationOptions
  @OptionGroup(title: "Service") var service: ServiceOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    guard inputs.isEmpty != (imageURL == nil) else {
      throw ValidationError("give images to start from: INPUT, or --image-url URL")
    }
    try requireText(generation.negativePrompt, "--negative-prompt")
    for parameter in parameters where !parameter.dropFirst().contains("=") {
      throw ValidationError("--param takes KEY=VALUE, not \(parameter)")
    }
    guard control == nil || modality != nil else { throw ValidationError("--control needs --modality NAME") }
    guard mask == nil || modality == nil else {
      throw ValidationError("--mask and --modality exclude each other: keep one")
    }
    if mask ?? modality != nil {
      guard !inputs.isEmpty else { throw ValidationError("--mask and --modality need an INPUT, not --image-url") }
      guard mode != .custom else {
        throw ValidationError("--mask and --modality are for --mode legacy; custom models name images with --param")
      }
    }
    if job.sandbox, job.noWait {
      throw ValidationError("--no-wait and --sandbox exclude each other: its jobs end with it")
    }
    if job.sandbox, service.baseURL != nil {
      throw ValidationError("--sandbox and --base-url exclude each other: keep one")
    }
    let idle: [(flag: String, isGiven: Bool, isIdle: Bool, with: String)] = [
      ("--timeout", job.timeout != nil, job.noWait, "with --no-wait"),
      ("--overwrite", results.overwrite, job.noWait, "with --no-wait"),
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
  }

  package mutating func perform() async throws -> CommandStatus {
    let inputs = if let imageURL { [Input(imageURL)] } else { try Input.list(inputs, isRecursive: recursive) }
    if inputs.count > 1, let flag = mask != nil ? "--mask" : control != nil ? "--control" : nil {
      throw CommandError.usage("\(flag) belongs to one INPUT, and these are \(inputs.count)", remedy: "give one INPUT")
    }
    let report = Img2ImgReport(
      inputs: inputs.map(\.name), console: common.console, json: common.json, sandbox: job.sandbox,
      sizeNotes: sizeNotes(of:))
    do {
      if imageURL != nil { try preparation.refuseAll(with: "--image-url") }
      let limits = preparation.limits(
        threads: max(1, (preparation.threads ?? Environment.cores) / min(inputs.count, Environment.cores)))
      let preparer = try Environment.preparer(Environment.variables, limits: limits)
      let configuration = service.configuration
      let ledgerPath = try configuration.ledgerPath()
      let account = job.sandbox ? nil : try configuration.client()
      let recipe = try preparation.recipe(
        defaultMultiple: Img2ImgOrder.defaultMultiple, defaultMaxBytes: Img2ImgOrder.defaultMaxBytes, model: job.model,
        isSent: true)
      let command = self
      return try await Interruption.guarding(patience: nil, onSignal: report.interrupt) {
        let orders = try await command.orders(inputs, recipe: recipe)
        return try await command.withService(account) { client in
          let pipeline = Img2ImgPipeline(
            client: client, ledger: try ServiceOptions.ledger(at: ledgerPath), preparer: preparer)
          let batch = Img2ImgBatch(
            pipeline: pipeline,
            orders: orders.map { order in
              {
                var order = try await order()
                try await command.choose(&order, client)
                return order
              }
            }, maxCost: command.job.costLimit)
          return command.job.dryRun
            ? try await report.follow(batch.prices()) : try await report.follow(batch.start(polling: command.polling))
        }
      }
    } catch {
      return try report.fail(error)
    }
  }

  /// Notes on sizes that may be others than a person expects.
  private func sizeNotes(of image: PreparedImage) -> [String] {
    let (width, height) = (generation.width, generation.height)
    let isSmall = image.size.longestSide < 512 && width == nil && height == nil
    return preparation.sizeNotes(for: image.size, of: image.geometry.source)
      + (isSmall ? ["results have its size, \(image.size): --max-side 1024 --enlarge makes larger ones"] : [])
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

  /// The orders of the inputs. What they share is read before the first one, and each image when its turn comes.
  private func orders(_ inputs: [Input], recipe: Recipe) async throws -> [Img2ImgBatch.Order] {
    let shared = try await order(recipe: recipe, inputs)
    let stems = OutputNaming.distinct(inputs.map { OutputNaming.stem(of: $0.argument) })
    let command = self
    return zip(inputs, stems).map { input, stem in
      {
        var order = shared
        order.source =
          command.imageURL == nil
          ? .image(try await command.image(input.argument)) : .remote(url: input.argument)
        (order.sourceName, order.stem) = (input.name, stem)
        return order
      }
    }
  }

  /// The order that the flags describe but for its source, with pipes and URLs read to their ends.
  private func order(recipe: Recipe, _ inputs: [Input]) async throws -> Img2ImgOrder {
    let images = parameters.compactMap { $0.split(separator: "=", maxSplits: 1).last }.filter { $0.hasPrefix("@") }
    try PipedInput.checkNamedOnce(
      inputs.map(\.argument) + [mask, control, job.promptFile].compactMap(\.self)
        + images.map { String($0.dropFirst()) })
    var settings = Generation(prompt: try await job.promptText(), modelID: job.model)
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
      common.console.note(
        "gesso: --negative-prompt-strength 1.0 is sent, without which Flux ignores the negative prompt")
    }
    var order = Img2ImgOrder(
      source: .remote(url: ""), sourceName: "", stem: "", generation: settings, folder: results.folder ?? ".")
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
    order.again = job.again
    order.waits = !job.noWait
    order.maxCostPerDay = try job.dailyLimit(service.configuration)
    order.allowsCustomModel = mode == .auto
    return order
  }

  /// The source of an image, which is read for its digest and to be prepared.
  private func image(_ argument: String) async throws -> ImageSource {
    try await Input(argument).source(limit: preparation.maxDownload << 20, isReadAgain: true)
  }

  /// Runs `work` with a client of the service, or of a sandbox that lives as long as the work.
  private func withService<Result: Sendable>(
    _ account: ScenarioConfiguration?, _ work: (ScenarioClient) async throws -> Result
  ) async throws -> Result {
    if let account { return try await work(ServiceOptions.client(account, verbose: common.verbose)) }
    let pair = SandboxCredential.random()
    let sandbox = ScenarioSandbox(
      configuration: SandboxConfiguration(credentials: [pair], decodeHelper: Environment.decodeHelper))
    let address = try await sandbox.start()
    common.console.note(
      "gesso: the sandbox stands in for the service: nothing is generated, and nothing is paid for. It ends with this command, and its "
        + "jobs with it: given again, the command starts new ones")
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
    job.sandbox
      ? JobPolling(
        initialInterval: .milliseconds(200), longestInterval: .seconds(1), deadline: .seconds(job.timeout ?? 600))
      : JobPolling(deadline: .seconds(job.timeout ?? 600))
  }
}
