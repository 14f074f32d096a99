package import ArgumentParser
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI

/// `gesso upload`
package struct Upload: Verb {
  package static let configuration = CommandConfiguration(
    verb: "upload", "Prepare images, upload them and print their asset ids.",
    examples: [
      "gesso upload photo.jpg",
      "gesso upload --json photos/*.jpg",
      "gesso upload drawing.png --as-is",
    ],
    discussion: "The same bytes are uploaded once; after that their asset id is printed as long as the service has it.")

  @OptionGroup var sources: InputOptions

  @Flag(name: .customLong("as-is"), help: "Upload the files as they are.")
  var asIs = false

  @OptionGroup(title: "Preparation") var preparation: PreparationOptions
  @OptionGroup(title: "Service") var service: ServiceOptions
  @OptionGroup var addresses: AddressOptions
  @OptionGroup var isolating: IsolationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func perform() async throws -> CommandStatus {
    let console = common.console
    let inputs = try sources.list()
    if asIs { try preparation.refuseAll(with: "--as-is") }
    let recipe = try preparation.recipe(
      defaultMultiple: Img2ImgOrder.defaultMultiple, isSent: !asIs)
    let limits = preparation.limits(threads: preparation.threads ?? Environment.cores)
    let preparer = try Environment.preparer(
      Environment.variables, limits: limits, isolation: isolating.isolation)
    let command = self
    do {
      let configuration = service.configuration
      let client = ServiceOptions.client(
        try configuration.client(), allowsPrivate: addresses.allowsPrivate, verbose: common.verbose)
      let pipeline = Img2ImgPipeline(
        client: client, ledger: try ServiceOptions.ledger(at: try configuration.ledgerPath()), preparer: preparer)
      let failures = try await Interruption.guarding(patience: nil) {
        try await command.upload(inputs, recipe: recipe, pipeline, console)
      }
      return CommandStatus(failures: failures, of: inputs.count)
    } catch {
      throw CommandError(any: error)
    }
  }

  /// Uploads the inputs one by one, until the task is canceled.
  private func upload(
    _ inputs: [Input], recipe: Recipe, _ pipeline: Img2ImgPipeline, _ console: Console
  ) async throws -> [CommandStatus] {
    var (failures, failed) = ([CommandStatus](), [String]())
    for input in inputs {
      do {
        try Task.checkCancellation()
        console.progress("preparing", input.name)
        let asset = try await upload(input, recipe: recipe, pipeline, console)
        console.endProgress()
        if common.json {
          try console.output(json: ["input": input.name, "assetId": asset])
        } else {
          try console.output(asset.rawValue)
        }
      } catch {
        console.endProgress()
        let failure = CommandError(any: error)
        try console.report(failure, input: input.name, json: common.json)
        failures.append(failure.status)
        failed.append(input.name)
        if failure.status == .interrupted || failure == .outputClosed { break }
      }
    }
    console.summary(of: inputs.count, failed: failed)
    return failures
  }

  private func upload(
    _ input: Input, recipe: Recipe, _ pipeline: Img2ImgPipeline, _ console: Console
  ) async throws -> AssetID {
    let source = try await input.source(
      limit: preparation.maxDownload << 20, allowsPrivate: addresses.allowsPrivate, isReadAgain: true)
    if asIs, let metadata = try? await pipeline.preparer.inspect(source).metadata, !metadata.isEmpty {
      console.note(
        "\(input.name): goes along as it is: \(metadata.joined(separator: ", ")): leave out --as-is to strip it")
    }
    let upload = pipeline.upload(
      source, stem: OutputNaming.stem(of: input.argument), recipe: asIs ? nil : recipe)
    for await event in upload.events {
      switch event {
      case .prepared(let image, _):
        let metadata = preparation.metadata == .none ? ["no metadata goes along"] : []
        for note in [image.summary] + image.lines + metadata { console.note("\(input.name): \(note)") }
      case .uploading(let progress):
        console.progress("uploading", "\(input.name): \(Img2ImgReporter.figure(progress))")
      default: break
      }
    }
    return try await upload.result
  }
}
