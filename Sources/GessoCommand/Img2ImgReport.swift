internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// Shows the progress of img2img runs and their results, in the order of the inputs, and finally their totals.
final class Img2ImgReport: Sendable {
  private let inputs: [String]
  private let console: Console
  private let json: Bool
  private let units: CreativeUnits
  private let sizeNotes: @Sendable (PreparedImage) -> [String]
  private let done = Mutex(0)
  private let reporters = Mutex<[Int: Img2ImgReporter]>([:])

  /// Makes a report on inputs with these names; `sizeNotes` makes notes on the size of a prepared image.
  init(
    inputs: [String], console: Console, json: Bool, units: CreativeUnits,
    sizeNotes: @escaping @Sendable (PreparedImage) -> [String]
  ) {
    self.inputs = inputs
    self.console = console
    self.json = json
    self.units = units
    self.sizeNotes = sizeNotes
  }

  /// True for the sandbox of `--sandbox`, which ends with this command.
  private var sandbox: Bool { units.isOfOwnSandbox }

  static let freeOfCharge = "prepared and uploaded, which is free, and no job was started"

  /// `2 of 5 done`.
  var count: String { "\(done.withLock(\.self)) of \(inputs.count) done" }

  private var isOfSeveral: Bool { inputs.count > 1 }

  private func reporter(_ index: Int) -> Img2ImgReporter {
    reporters.withLock { reporters in
      if let reporter = reporters[index] { return reporter }
      let reporter = Img2ImgReporter(
        console: console, input: inputs[index], json: json, units: units, others: isOfSeveral ? self : nil,
        sizeNotes: sizeNotes)
      reporters[index] = reporter
      return reporter
    }
  }

  /// Explains after Ctrl-C why the command does not end at once, if it does not.
  func interrupt() { for reporter in reporters.withLock({ Array($0.values) }) { reporter.interrupt() } }

  /// Reports a failure that concerns all inputs, unless there is only one.
  func fail(_ error: any Error) throws(CommandError) -> CommandStatus {
    guard isOfSeveral else { return try reporter(0).fail(error) }
    throw CommandError(any: error)
  }

  /// Shows runs until they have ended, and their total cost.
  ///
  /// - Returns: The status of all inputs.
  func follow(_ run: Run<Img2ImgBatch.Event<Img2ImgResult>, Void>) async throws -> CommandStatus {
    let sum = try await follow(run) { reporter, result throws(CommandError) in try reporter.finish(result) }
    if sum.status == .interrupted, isOfSeveral {
      console.error(interrupted(sum))
    } else {
      console.summary(
        of: inputs.count, failed: sum.failed, left: inputs.count - sum.done - sum.failed.count,
        paid: "\(sum.units) \(units)")
    }
    return sum.status
  }

  /// Shows the prices of runs, and their sum. Standard output gets only the sum.
  ///
  /// - Returns: The status of all inputs.
  func follow(_ run: Run<Img2ImgBatch.Event<Decimal>, Void>) async throws -> CommandStatus {
    let sum = try await follow(run) { reporter, price throws(CommandError) in try reporter.finish(price: price) }
    guard isOfSeveral else { return sum.status }
    if sum.status == .interrupted {
      console.error(interrupted(sum))
      return sum.status
    }
    console.note(
      "gesso: \(sum.done) of \(inputs.count) inputs would cost \(sum.units) \(units); "
        + Self.freeOfCharge)
    if !json, sum.done == inputs.count { try console.output("\(sum.units)") }
    return sum.status
  }

  /// The outcome of all runs.
  private struct Sum {
    var done = 0
    var failed: [String] = []
    /// The number of runs that were interrupted while their jobs ran.
    var running = 0
    var units = Decimal.zero
    var status = CommandStatus.done
  }

  private func follow<Value>(
    _ run: Run<Img2ImgBatch.Event<Value>, Void>,
    _ finish: (Img2ImgReporter, Value) throws(CommandError) -> Decimal
  ) async throws -> Sum {
    // Cancels the work when standard output is closed.
    defer { run.cancel() }
    var (sum, failures) = (Sum(), [CommandStatus]())
    for await event in run.events {
      switch event {
      case .began(let index): _ = reporter(index)
      case .progress(let index, let event): reporter(index).show(event)
      case .ended(let index, let result):
        switch result {
        case .success(let value):
          sum.units += try finish(reporter(index), value)
          sum.done += 1
        case .failure(let error):
          failures.append(try reporter(index).fail(error))
          if failures.last != .interrupted {
            sum.failed.append(inputs[index])
          } else if reporter(index).hasJob {
            sum.running += 1
          }
        }
        forget(index, sum)
        if isOfSeveral, failures.last != .interrupted { console.progress(count) }
      case .stopped(let index): forget(index, sum)
      case .leftAlone, .stopping: break
      }
    }
    if isOfSeveral { console.endProgress() }
    // If no order was in progress, the interruption belongs to no input and is reported here.
    if failures.isEmpty, sum.done < inputs.count { try await run.result }
    sum.status = CommandStatus(failures: failures, of: sum.done + failures.count)
    return sum
  }

  private func forget(_ index: Int, _ sum: Sum) {
    reporters.withLock { $0[index] = nil }
    done.withLock { $0 = sum.done }
  }

  /// The error that reports an interruption of work on several inputs.
  private func interrupted(_ sum: Sum) -> CommandError {
    let jobs = "\(sum.running) job\(sum.running == 1 ? "" : "s")"
    let rest =
      sum.running == 0
      ? "" : sandbox ? "; \(jobs) end with the sandbox" : "; \(jobs) go on at the service and are paid for"
    return CommandError(
      "canceled", stage: .configure, "interrupted, with \(sum.done) of \(inputs.count) done\(rest)",
      remedy: sandbox ? "the same command starts all jobs again" : "the same command goes on", status: .interrupted)
  }
}
