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

  @Argument(help: "Paths, folders, - for standard input, or http(s) URLs.")
  var inputs: [String]

  @Flag(help: "Take the images of folders within folders as well.")
  var recursive = false

  @Option(
    name: .customShort("o"),
    help: ArgumentHelp(
      "Where it goes: a file, a folder (with / at its end, or there already), or - for standard output.",
      valueName: "FILE"))
  var output: String?

  @Option(
    name: .customLong("out-dir"),
    help: ArgumentHelp("The folder it goes to; made when missing.", valueName: "DIR"))
  var folder: String?

  @Option(
    help: ArgumentHelp(
      "Its name in a folder, without extension; {stem} is that of the input (default: {stem}.prepared).",
      valueName: "TEMPLATE"))
  var name: String?

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing output.")
  var noClobber = false

  @Flag(
    help: "Print the plan as JSON and write nothing; pixels are read only for --trim and --gravity attention.")
  var explain = false

  @OptionGroup(title: "Tensor") var tensor: TensorOptions
  @OptionGroup(title: "Preparation") var preparation: PreparationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    output = output.map(Console.outputName)
    try OutputOptions.check(name: name, output: output)
    if let given = output, OutputOptions.isFolder(given) {
      if folder != nil { throw ValidationError("-o names a folder, and so does --out-dir: keep one") }
      (output, folder) = (nil, OutputOptions.folder(given))
    }
    let places = [output, folder].compactMap(\.self).count
    guard places == 1 || explain && places == 0 else {
      throw ValidationError("say where it goes: -o FILE or --out-dir DIR")
    }
    if let path = tensor.path {
      if inputs.count > 1 { throw ValidationError("--tensor takes one input: prepare one at a time") }
      if path == output { throw ValidationError("-o and --tensor name the same file: give each its own") }
    }
    if output != nil, inputs.count > 1 { throw ValidationError("-o takes one input: use --out-dir DIR for several") }
    if output == "-", !explain, isatty(STDOUT_FILENO) == 1 {
      throw ValidationError("standard output is a terminal: redirect it, or name a file")
    }
    if output == "-", !explain, common.json {
      throw ValidationError("-o - and --json both need standard output: keep one")
    }
  }

  package mutating func perform() async throws -> CommandStatus {
    let inputs = try Input.list(inputs, isRecursive: recursive)
    try OutputOptions.check(name: name, output: output, for: inputs)
    let workers = min(inputs.count, preparation.threads ?? Environment.cores)
    let recipe = try preparation.recipe(output: output == "-" ? nil : output)
    let limits = preparation.limits(threads: max(1, (preparation.threads ?? Environment.cores) / workers))
    let preparer = try Environment.preparer(Environment.variables, limits: limits)
    if explain { return try await explained(inputs, by: preparer, recipe) }
    let batch = batch(of: inputs, recipe, preparer, width: workers)
    do {
      try batch.checkOutputs()
    } catch {
      throw CommandError(error)
    }
    let (command, console) = (self, common.console)
    return try await Interruption.guarding(patience: .seconds(1), onSignal: { console.error(.interrupted) }) {
      try await command.prepare(batch, inputs)
    }
  }

  private func batch(
    of inputs: [Input], _ recipe: Recipe, _ preparer: ImagePreparer, width: Int
  ) -> PreparationBatch {
    let limit = preparation.maxDownload << 20
    let destination: PreparationBatch.Destination =
      if let folder { .folder(folder) } else if let output, output != "-" { .file(output) } else { .caller }
    var batch = PreparationBatch(
      preparer: preparer, recipe: recipe,
      inputs: inputs.map { input in
        PreparationBatch.Input(stem: OutputNaming.stem(of: input.argument), file: input.file) { isReadAgain in
          try await input.source(limit: limit, isReadAgain: isReadAgain)
        }
      }, destination: destination, width: width)
    if let format = tensor.format, let path = tensor.path { batch.tensor = (format, path) }
    if let name { batch.name = name }
    batch.replacesFiles = !noClobber
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
        [image.summary] + (common.verbose ? [image.details] : []) + image.notes
        + [preparation.boxNote(for: image.size)].compactMap(\.self)
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
        if inputs.count > 1 { console.progress("preparing", "\(reported) of \(inputs.count)") }
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
