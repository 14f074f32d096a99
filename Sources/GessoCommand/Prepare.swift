package import ArgumentParser
internal import Dispatch
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// `gesso prepare`
package struct Prepare: Verb {
  package static let configuration = CommandConfiguration(
    verb: "prepare", "Decode, resize, turn upright, convert the color and encode.",
    examples: [
      "gesso prepare photo.jpg -o small.jpg --max-side 1024",
      "gesso prepare photos/*.jpg --out-dir prepared --for flux.1-dev",
      "gesso prepare photo.jpg -o a.jpg --size 64x64 --fit cover --gravity attention",
    ])

  @OptionGroup var sources: InputOptions

  @OptionGroup(title: "Output") var destination: OutputOptions

  @Flag(
    help: "Print the plan as JSON and write nothing; pixels are read only for --trim and --gravity attention.")
  var explain = false

  @OptionGroup(title: "Preparation") var preparation: PreparationOptions
  @OptionGroup(title: "Tensor") var tensor: TensorOptions
  @OptionGroup var addresses: AddressOptions
  @OptionGroup var isolating: IsolationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    try destination.check(for: sources.inputs.count, isOptional: explain, json: common.json)
    if let path = tensor.path {
      if sources.inputs.count > 1 { throw ValidationError("--tensor takes one input: prepare one at a time") }
      if path == destination.output { throw ValidationError("-o and --tensor name the same file: give each its own") }
    }
  }

  package mutating func perform() async throws -> CommandStatus {
    let inputs = try sources.list()
    try destination.check(for: inputs)
    let workers = min(inputs.count, preparation.threads ?? Environment.cores)
    let recipe = try preparation.recipe(output: destination.isStandardOutput ? nil : destination.output)
    let limits = preparation.limits(threads: max(1, (preparation.threads ?? Environment.cores) / workers))
    let preparer = try Environment.preparer(
      Environment.variables, limits: limits, isolation: isolating.isolation)
    if explain { return try await explained(inputs, by: preparer, recipe) }
    let batch = batch(of: inputs, recipe, preparer, width: workers)
    try reportingErrors(batch.checkOutputs)
    let (command, console) = (self, common.console)
    return try await Interruption.guarding(patience: .seconds(1), onSignal: { console.error(.interrupted) }) {
      try await command.prepare(batch, inputs)
    }
  }

  private func batch(
    of inputs: [Input], _ recipe: Recipe, _ preparer: ImagePreparer, width: Int
  ) -> PreparationBatch {
    let (limit, allowsPrivate) = (preparation.maxDownload << 20, addresses.allowsPrivate)
    let place: PreparationBatch.Destination =
      if let folder = destination.folder {
        .folder(folder)
      } else if let output = destination.output, !destination.isStandardOutput {
        .file(output)
      } else {
        .caller
      }
    var batch = PreparationBatch(
      preparer: preparer, recipe: recipe,
      inputs: inputs.map { input in
        PreparationBatch.Input(stem: OutputNaming.stem(of: input.argument), file: input.file) { isReadAgain in
          try await input.source(limit: limit, allowsPrivate: allowsPrivate, isReadAgain: isReadAgain)
        }
      }, destination: place, width: width)
    if let format = tensor.format, let path = tensor.path { batch.tensor = (format, path) }
    if let name = destination.name { batch.name = name }
    batch.replacesFiles = !destination.noClobber
    return batch
  }

  /// The output for one prepared image.
  private struct Report: Sendable {
    enum Line: Sendable {
      case path(String)
      case json(JSONObject)
      /// The image itself.
      case bytes([UInt8])
    }

    let notes: [String]
    /// The line for standard output.
    let line: Line
  }

  /// Prepares all inputs, and prints their outcomes in the order of the inputs.
  private func prepare(_ batch: PreparationBatch, _ inputs: [Input]) async throws -> CommandStatus {
    let (console, common, preparation, tensorPath) = (common.console, common, preparation, tensor.path)
    let work = batch.start { index, image, path in
      let notes =
        [image.summary] + (common.verbose ? [image.details] : []) + image.lines
        + preparation.sizeNotes(for: image.size, of: image.geometry.source)
      guard let path else { return Report(notes: notes, line: .bytes(image.bytes)) }
      guard common.json else { return Report(notes: notes, line: .path(path)) }
      let json = image.json(
        input: inputs[index].name, output: path, tensorPath: tensorPath, peakMemoryBytes: Environment.peakMemoryBytes)
      return Report(notes: notes, line: .json(json))
    }
    // Cancels the remaining work when standard output is closed.
    defer { work.cancel() }
    var (failures, reported, failed) = ([CommandStatus](), 0, [String]())
    do {
      for await outcome in work.events {
        reported += 1
        let name = inputs[outcome.index].name
        switch outcome.result {
        case .success(let report):
          for note in report.notes { console.note("\(name): \(note)") }
          switch report.line {
          case .path(let path): try console.output(path)
          case .json(let object): try console.output(json: object)
          case .bytes(let bytes): try console.output(bytes)
          }
        case .failure(let error):
          let failure = CommandError(any: error)
          failures.append(failure.status)
          failed.append(name)
          if failure.status != .interrupted { try console.report(failure, input: name, json: common.json) }
        }
        // Without a live line, the lines of the inputs show the progress.
        if inputs.count > 1, console.isLive { console.progress("preparing", "\(reported) of \(inputs.count)") }
      }
      console.endProgress()
      console.summary(of: inputs.count, failed: failed)
      try await work.result
    } catch is CancellationError {
      return .interrupted
    }
    return CommandStatus(failures: failures, of: inputs.count)
  }
}
