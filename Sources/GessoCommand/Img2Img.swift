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

  @Argument(help: "Paths, folders, - for standard input, or http(s) URLs; one job each.")
  var inputs: [String] = []

  @Flag(help: "Take the images of folders within folders as well.")
  var recursive = false

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

  package mutating func validate() throws {
    guard inputs.isEmpty != (request.imageURL == nil) else {
      throw ValidationError("give images to start from: INPUT, or --image-url URL")
    }
    try job.requirePrompt()
    if request.mask ?? request.modality != nil, inputs.isEmpty {
      throw ValidationError("--mask and --modality need an INPUT, not --image-url")
    }
    try validateTogether()
  }

  /// Checks flags that concern each other.
  private func validateTogether() throws {
    try requireText(generation.negativePrompt, "--negative-prompt")
    if job.sandbox, job.noWait {
      throw ValidationError("--no-wait and --sandbox exclude each other: its jobs end with it")
    }
    try service.check(with: job)
    let idle: [(flag: String, isGiven: Bool, isIdle: Bool, with: String)] = [
      ("--timeout", job.timeout != nil, job.noWait, "with --no-wait"),
      ("--overwrite", results.overwrite, job.noWait, "with --no-wait"),
      ("--no-clobber", request.noClobber, request.imageURL != nil, "with --image-url"),
      (
        "--strength", generation.strength != nil, request.modality != nil && request.control == nil,
        "with --modality and no --control"
      ),
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
    let inputs = if let url = request.imageURL { [Input(url)] } else { try Input.list(inputs, isRecursive: recursive) }
    if inputs.count > 1, let flag = request.mask != nil ? "--mask" : request.control != nil ? "--control" : nil {
      throw CommandError.usage("\(flag) belongs to one INPUT, and these are \(inputs.count)", remedy: "give one INPUT")
    }
    let units = CreativeUnits(isOfOwnSandbox: job.sandbox)
    let report = Img2ImgReport(
      inputs: inputs.map(\.name), console: common.console, json: common.json, units: units,
      sizeNotes: sizeNotes(of:))
    do {
      if request.imageURL != nil { try preparation.refuseAll(with: "--image-url") }
      let limits = preparation.limits(
        threads: max(1, (preparation.threads ?? Environment.cores) / min(inputs.count, Environment.cores)))
      let preparer = try Environment.preparer(
        Environment.variables, limits: limits, isolation: isolating.isolation)
      let configuration = service.configuration
      let ledgerPath = try configuration.ledgerPath()
      let account = job.sandbox ? nil : try configuration.client()
      let recipe = try recipe()
      if let note = negativePromptNote { common.console.note("gesso: \(note)") }
      for input in inputs {
        if let failure = input.folderFailure { common.console.note("gesso: \(failure.message); the rest goes on") }
      }
      let command = self
      return try await Interruption.guarding(patience: nil, onSignal: report.interrupt) {
        let shared = try await command.order(recipe: recipe, inputs)
        let stems = OutputNaming.distinct(inputs.map { OutputNaming.stem(of: $0.argument) })
        return try await ServiceOptions.withClient(
          account, allowsPrivate: command.addresses.allowsPrivate, console: command.common.console,
          verbose: command.common.verbose
        ) { client in
          units.follow(client)
          let pipeline = Img2ImgPipeline(
            client: client, ledger: try ServiceOptions.ledger(at: ledgerPath), preparer: preparer)
          let models = ModelCache(client)
          var batch = Img2ImgBatch(pipeline: pipeline, count: inputs.count) { index in
            Img2ImgBatch.Item {
              var order = try await command.order(of: inputs[index], stem: stems[index], like: shared)
              try await command.choose(&order, models)
              return order
            }
          }
          batch.maxCost = command.job.costLimit
          return command.job.dryRun
            ? try await report.follow(batch.prices())
            : try await report.follow(batch.start(polling: command.job.polling))
        }
      }
    } catch {
      return try report.fail(error)
    }
  }
}
