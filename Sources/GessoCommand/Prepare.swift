package import ArgumentParser
internal import Dispatch
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// `gesso prepare`
package struct Prepare: Verb {
  package static let configuration = CommandConfiguration(
    commandName: "prepare", abstract: "Decode, resize, turn upright, convert the color and encode.")

  @Argument(help: "Paths, - for standard input, or http(s) URLs.")
  var inputs: [String]

  @Option(name: .customShort("o"), help: ArgumentHelp("Where it goes; - is standard output.", valueName: "FILE"))
  var output: String?

  @Option(
    name: .customLong("out-dir"),
    help: ArgumentHelp("A folder for STEM.prepared.EXT; made when missing.", valueName: "DIR"))
  var folder: String?

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
    let console = common.console
    let variables = Environment.variables
    let inputs = try Input.list(inputs)
    let workers = min(inputs.count, preparation.threads ?? Environment.cores)
    let recipe = try preparation.recipe(output: output == "-" ? nil : output)
    let limits = preparation.limits(threads: max(1, (preparation.threads ?? Environment.cores) / workers))
    let preparer = try Environment.preparer(variables, limits: limits)
    if explain { return try await explained(inputs, by: preparer, recipe) }
    let job = Job(
      preparer: preparer, recipe: recipe, tensor: tensor.format, tensorPath: tensor.path, output: output,
      folder: folder, stems: OutputNaming.stems(of: inputs.map(\.argument)), noClobber: noClobber,
      inputs: inputs, downloadLimit: preparation.maxDownload << 20, console: console, common: common)
    for path in [output, tensor.path].compactMap(\.self) where path != "-" { try job.check(path) }
    if let folder { try Folder.make(folder) }

    return try await Interruption.guarding(
      flag: job.flag, patience: .seconds(1), onSignal: { console.error(.interrupted) }
    ) {
      try await job.run(workers: workers)
    }
  }

  /// The work of one run: every input once, at most `workers` at a time, reported in the order they were given.
  private struct Job: Sendable {
    let preparer: ImagePreparer
    let recipe: Recipe
    let tensor: TensorFormat?
    let tensorPath: String?
    let output: String?
    let folder: String?
    let stems: [String]
    let noClobber: Bool
    let inputs: [Input]
    let downloadLimit: Int
    let console: Console
    let common: CommonOptions
    let flag = CancellationFlag()

    struct Outcome: Sendable {
      var standardOutput: String?
      var notes: [String] = []
      var failure: CommandError?
    }

    func run(workers: Int) async throws -> CommandStatus {
      var outcomes = [Outcome?](repeating: nil, count: inputs.count)
      var reported = 0
      return try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
        var next = 0
        func start() {
          guard next < inputs.count, !flag.isCanceled else { return }
          let index = next
          next += 1
          group.addTask { (index, await outcome(of: index)) }
        }
        for _ in 0..<workers { start() }
        while let (index, outcome) = try await group.next() {
          outcomes[index] = outcome
          start()
          while reported < outcomes.count, let outcome = outcomes[reported] {
            try report(outcome, of: inputs[reported])
            reported += 1
          }
          if inputs.count > 1 { console.progress("preparing", "\(reported) of \(inputs.count)") }
        }
        console.endProgress()
        if flag.isCanceled { return .interrupted }
        return CommandStatus(failures: outcomes.compactMap { $0?.failure?.status }, of: inputs.count)
      }
    }

    private func report(_ outcome: Outcome, of input: Input) throws(CommandError) {
      for note in outcome.notes { console.note("\(input.name): \(note)") }
      if let line = outcome.standardOutput { try console.output(line) }
      if let failure = outcome.failure, failure.status != .interrupted {
        try console.report(failure, input: input.name, json: common.json)
      }
    }

    private func outcome(of index: Int) async -> Outcome {
      do {
        // A byte budget may need the source again, and trimming does.
        let source =
          recipe.output.budget == nil && !recipe.trims
          ? try await inputs[index].source(limit: downloadLimit)
          : try await inputs[index].repeatableSource(limit: downloadLimit)
        return try await BlockingWork.run { () throws(CommandError) in try prepare(source, index: index) }
      } catch {
        return Outcome(failure: error)
      }
    }

    private func prepare(_ source: ImageSource, index: Int) throws(CommandError) -> Outcome {
      do {
        let image = try preparer.prepareBlocking(source, as: recipe, tensor: tensor, cancellation: flag)
        try writeTensor(of: image)
        let path = folder.map { "\($0)/\(stems[index]).prepared.\(image.format.fileExtension)" } ?? output ?? "-"
        guard path != "-" else {
          try console.output(image.bytes)
          return Outcome(notes: notes(on: image))
        }
        try check(path)
        try DurableFile.write(image.bytes, to: path, replacing: !noClobber, notOver: inputs.compactMap(\.file))
        var outcome = Outcome(standardOutput: path, notes: notes(on: image))
        if common.json {
          let peak = Environment.peakMemoryBytes
          outcome.standardOutput =
            image.json(
              input: inputs[index].name, output: path, tensorPath: tensorPath, peakMemoryBytes: peak
            ).line
        }
        return outcome
      } catch {
        throw CommandError(any: error)
      }
    }

    private func writeTensor(of image: PreparedImage) throws {
      guard let tensorPath, let values = image.tensor else { return }
      try check(tensorPath)
      try DurableFile.write(values.npy, to: tensorPath, replacing: !noClobber, notOver: inputs.compactMap(\.file))
    }

    private func notes(on image: PreparedImage) -> [String] {
      [image.summary] + (common.verbose ? [image.details] : []) + image.notes
    }

    func check(_ path: String) throws(CommandError) {
      do {
        try DurableFile.check(path, replacing: !noClobber, notOver: inputs.compactMap(\.file))
      } catch {
        throw CommandError(error)
      }
    }
  }
}
