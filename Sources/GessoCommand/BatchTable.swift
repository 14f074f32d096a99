internal import ScenarioAPI
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// The rows of a batch as a table, before anything is spent.
struct BatchTable {
  private let jobs: RowJobs
  private let chosen: [Int]
  private let common: CommonOptions
  private let preparation: PreparationOptions
  private let isolating: IsolationOptions

  init(
    _ jobs: RowJobs, _ chosen: [Int], _ common: CommonOptions, _ preparation: PreparationOptions,
    _ isolating: IsolationOptions
  ) {
    (self.jobs, self.chosen, self.common, self.preparation) = (jobs, chosen, common, preparation)
    self.isolating = isolating
  }

  private struct Sum {
    var jobs = 0
    var results = 0
    var pixels = 0
    var bytes = 0
    var bad: [String] = []
    var failures: [CommandStatus] = []
  }

  /// Prints a line for each row, and the sums.
  ///
  /// - Parameters:
  ///   - prices: The price of each row; nil if no prices were requested.
  ///   - units: The unit of the prices; nil if there are none.
  /// - Returns: The exit status, from the rows that cannot be prepared.
  /// - Throws: A `CommandError` when standard output cannot be written, or after an interruption.
  func print(prices: [Int: Decimal]?, in units: CreativeUnits?) async throws -> CommandStatus {
    let console = common.console
    let preparer = try Environment.preparer(
      Environment.variables, limits: preparation.limits(threads: 1), isolation: isolating.isolation)
    var sum = Sum()
    if !common.json {
      try console.output(
        ["row", "image", "source", "bytes", "sent", "results"].joined(separator: "\t") + (prices == nil ? "" : "\tcost")
      )
    }
    for (place, index) in chosen.enumerated() {
      let job = try jobs.job(index)
      do {
        try await row(job, preparer, &sum, price: prices?[place])
      } catch {
        let failure = CommandError(any: error)
        // A failure to write to standard output is not the row's error.
        if failure.status == .interrupted || failure.stage == .write { throw failure }
        sum.bad.append(job.input.name)
        sum.failures.append(failure.status)
        try console.report(failure, input: "row \(job.position): \(job.input.name)", json: common.json)
      }
    }
    let cost = prices.flatMap { prices in units.map { ", \(prices.values.reduce(0, +)) \($0)" } } ?? ""
    console.note(
      "gesso: \(sum.jobs) job\(sum.jobs == 1 ? "" : "s") for \(sum.results) results, of \(Figure.megapixels(sum.pixels)) in "
        + "\(Figure.bytes(sum.bytes))\(cost)" + (sum.bad.isEmpty ? "" : "; \(sum.bad.count) cannot be prepared"))
    return CommandStatus(failures: sum.failures, of: chosen.count)
  }

  private func row(_ job: RowJobs.Job, _ preparer: ImagePreparer, _ sum: inout Sum, price: Decimal?) async throws {
    let order = try await job.order()
    let (samples, generation) = (order.generation.numSamples, order.generation)
    var (source, sent): (ImageSize?, ImageSize?) = (nil, nil)
    if case .image(let image) = order.source {
      let (description, plan) = try await preparer.plan(of: image, as: order.recipe)
      (source, sent) = (description.size, plan.geometry.canvas)
    }
    let bytes = job.input.file.flatMap { try? fileSize(of: $0) }
    let results =
      generation.width.flatMap { width in generation.height.map { ImageSize(width: width, height: $0) } } ?? sent
    sum.jobs += 1
    sum.results += samples
    sum.pixels += source?.pixelCount ?? 0
    sum.bytes += bytes ?? 0
    if common.json {
      return try common.console.output(json: [
        "row": job.position, "key": job.key, "input": job.input.name, "bytes": bytes, "width": source?.width,
        "height": source?.height, "sentWidth": sent?.width, "sentHeight": sent?.height, "samples": samples,
        "resultWidth": results?.width, "resultHeight": results?.height, "seed": generation.seed,
        "model": generation.modelID, "folder": job.folder, "stem": job.stem, "cost": price,
      ])
    }
    let cells: [String] = [
      "\(job.position)", Console.printable(job.input.name), source.map { "\($0)" } ?? "-",
      bytes.map(Figure.bytes) ?? "-",
      sent.map { "\($0)" } ?? "-", "\(samples) × \(results.map { "\($0)" } ?? "?")",
    ]
    try common.console.output((cells + (price.map { ["\($0)"] } ?? [])).joined(separator: "\t"))
  }
}
