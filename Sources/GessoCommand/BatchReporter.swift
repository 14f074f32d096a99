internal import ImagePreparation
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ScenarioAPI
internal import Synchronization

/// Shows the progress of a batch. On a terminal there is one live line, and elsewhere a line every ten seconds. Each failure has a line of
/// its own. With `--json` there is an object for each event.
final class BatchReporter: Sendable {
  private struct State {
    var tally: BatchTally
    var underWay: [Int: Row] = [:]
    /// The kinds of remarks that were shown, and how often each came.
    var remarks: [String: Int] = [:]
    var stop: CommandError?
    /// The limit that stopped the batch; nil if another failure stopped it.
    var limit: Remedy.Limit?
    /// The reasons why rows failed or were stopped.
    var failures: [CommandStatus] = []
    var left: [CommandStatus] = []
    var isInterrupted = false

    /// Adds a job to those that run at the service, or removes it.
    mutating func setRunning(_ index: Int, _ isRunning: Bool) {
      guard let row = underWay[index], row.isRunning != isRunning else { return }
      tally.running += isRunning ? 1 : -1
      underWay[index]?.isRunning = isRunning
    }
  }

  /// A row in progress.
  private struct Row {
    let job: RowJobs.Job
    var jobID: JobID?
    var isRunning = false
    /// True while it is unknown whether the row's submit has started a job.
    var isSubmitting = false
    var sentBytes = 0
  }

  private let name: String
  /// The words of the command.
  private let words: [String]
  private let isList: Bool
  private let jobs: RowJobs
  private let chosen: [Int]
  private let console: Console
  private let json: Bool
  private let verbose: Bool
  /// The unit of prices.
  let units: CreativeUnits
  private let prepares: Bool
  private let state: Mutex<State>

  /// The command, for a shell.
  private var command: String { ShellWords.line(words) }
  /// True for the sandbox of `--sandbox`, which ends with this command.
  private var sandbox: Bool { units.isOfOwnSandbox }

  init(
    name: String, words: [String], isList: Bool, jobs: RowJobs, chosen: [Int], options: CommonOptions,
    units: CreativeUnits, prepares: Bool
  ) {
    (self.name, self.words, self.isList, self.jobs, self.chosen) = (name, words, isList, jobs, chosen)
    (console, json, verbose) = (options.console, options.json, options.verbose)
    (self.units, self.prepares) = (units, prepares)
    state = Mutex(State(tally: BatchTally(total: chosen.count)))
  }

  // MARK: Following

  /// Shows a batch until it has ended.
  func follow(_ run: Run<Img2ImgBatch.Event<Img2ImgResult>, Void>) async throws -> CommandStatus {
    console.note("gesso: batch \(name): \(chosen.count) row\(chosen.count == 1 ? "" : "s")")
    try event("batch", ["name": name, "rows": chosen.count])
    try await show(run) { index, row, result throws(CommandError) in try self.finish(row, result) }
    return try end()
  }

  /// Shows preparations until they have ended.
  func follow(_ run: Run<Img2ImgBatch.Event<String?>, Void>) async throws -> CommandStatus {
    try event("batch", ["name": name, "rows": chosen.count])
    try await show(run) { _, row, path throws(CommandError) in
      if self.json {
        try self.event("done", row, ["prepared": path])
      } else if let path {
        try self.console.output(path)
      }
    }
    return try end()
  }

  /// Shows prices until all of them are known.
  ///
  /// - Returns: The status, and the price of each row if `keeps` is true.
  func follow(
    _ run: Run<Img2ImgBatch.Event<Decimal>, Void>, keeping keeps: Bool
  ) async throws -> (CommandStatus, [Int: Decimal]) {
    let prices = Mutex<[Int: Decimal]>([:])
    try await show(run) { index, row, price throws(CommandError) in
      self.state.withLock { $0.tally.spent += price }
      if keeps { prices.withLock { $0[index] = price } }
      if self.json { try self.event("price", row, ["cost": price]) }
    }
    let (tally, isStopped) = state.withLock { ($0.tally, $0.stop != nil || $0.isInterrupted) }
    let status = try end(summary: false)
    if !isStopped {
      console.note(
        "gesso: \(tally.done) of \(tally.total) rows would cost \(tally.spent) "
          + "\(units); \(Img2ImgReport.freeOfCharge)")
      if !json, !keeps, tally.done == tally.total { try console.output("\(tally.spent)") }
    }
    return (status, prices.withLock(\.self))
  }

  private func show<Value>(
    _ run: Run<Img2ImgBatch.Event<Value>, Void>,
    _ finish: @escaping @Sendable (Int, RowJobs.Job, Value) throws(CommandError) -> Void
  ) async throws {
    let clock = Task { await self.tick() }
    defer {
      clock.cancel()
      // Cancels the work when standard output is closed.
      run.cancel()
      console.endProgress()
    }
    for await event in run.events {
      switch event {
      case .began(let index):
        guard let job = try? jobs.job(chosen[index]) else { continue }
        state.withLock { $0.underWay[index] = Row(job: job) }
      case .progress(let index, let event): try show(event, index)
      case .ended(let index, .success(let value)):
        guard let row = leave(index) else { continue }
        state.withLock { $0.tally.done += 1 }
        try finish(index, row.job, value)
      case .ended(let index, .failure(let error)): try fail(index, error)
      case .leftAlone(let index, let failure):
        guard let row = leave(index) else { continue }
        state.withLock { state in
          state.tally.failed += 1
          state.failures.append(.someFailed)
        }
        let error = CommandError(
          failure.code, stage: Stage(rawValue: failure.stage) ?? .configure, failure.message,
          remedy: "it failed before; --retry-failed tries it again", status: .someFailed)
        try report(error, row.job, "failed")
      case .stopped(let index):
        guard let row = leave(index) else { continue }
        state.withLock { $0.tally.open += 1 }
        try self.event("left", row.job, [:])
      case .stopping(let error):
        state.withLock { state in
          state.stop = CommandError(any: error)
          if case .either(.raise(let limit, _), or: _)? = (error as? PipelineError)?.remedy { state.limit = limit }
        }
      }
      draw()
    }
    if state.withLock({ $0.tally.left > 0 }) {
      do {
        try await run.result
      } catch is CancellationError {
        state.withLock { $0.isInterrupted = true }
      }
    }
  }

  private func leave(_ index: Int) -> Row? {
    state.withLock { state in
      state.setRunning(index, false)
      return state.underWay.removeValue(forKey: index)
    }
  }

  // MARK: One row

  private func show(_ event: Img2ImgEvent, _ index: Int) throws(CommandError) {
    guard let job = state.withLock({ $0.underWay[index]?.job }) else { return }
    switch event {
    case .prepared(let image, _):
      state.withLock { state in
        state.tally.prepared += 1
        state.tally.pixels += image.geometry.source.pixelCount
      }
      if verbose { for line in [image.summary] + image.lines { console.note("\(job.input.name): \(line)") } }
    case .uploading(let progress):
      state.withLock { state in
        state.tally.sentBytes += progress.sentBytes - (state.underWay[index]?.sentBytes ?? 0)
        state.underWay[index]?.sentBytes = progress.sentBytes
      }
    case .submitted(let id), .dryRunStartedJob(let id):
      state.withLock { state in
        state.setRunning(index, true)
        state.underWay[index]?.jobID = id
        state.underWay[index]?.isSubmitting = false
      }
      try self.event("submitted", job, ["job": id])
      if verbose { console.note("\(job.input.name): job: \(id)") }
      if case .dryRunStartedJob = event {
        remark("dry-run", job, "only the price was asked for, and the service started job \(id): it is paid for")
      }
    case .downloaded(let file): state.withLock { $0.tally.receivedBytes += file.byteCount }
    case .noticed(let note): remark(note.kind, job, note.words)
    case .switchedToCustom(let model, let refusal):
      remark("custom", job, "\(refusal.message): no job was started; going on with the custom model \(model)")
    case .costsMore(let cost, let price):
      remark("costs-more", job, "the service charges \(cost) creative units for the job, and its price was \(price)")
    case .repeatedOtherwise(let names):
      remark(
        "repeated-otherwise", job,
        "the service does not repeat what was sent: \(names.joined(separator: ", ")); its results may not be those of the order"
      )
    case .pausing(let pause, let error):
      // If the service refused the submit for a time, the submit started no job.
      if error.stage == .submit { state.withLock { $0.underWay[index]?.isSubmitting = false } }
      remark(
        "pause \(error.code.rawValue)", job, "\(error.message): trying again in \(BatchTally.time(pause / .seconds(1)))"
      )
    case .waitingForOrder(_, let patience):
      remark(
        "other-process", job,
        "waiting for another process that works on this order, at most \(BatchTally.time(patience / .seconds(1)))"
      )
    case .nameTaken(let path, _, let result):
      remark("name-taken", job, "\(path) or its record is there already: the result is \(result)")
    case .waitingForPlace: state.withLock { $0.underWay[index]?.isSubmitting = false }
    case .submitting, .reconciling: state.withLock { $0.underWay[index]?.isSubmitting = true }
    case .downloading: state.withLock { $0.setRunning(index, false) }
    case .preparing, .preparedBefore, .waitingForUpload, .waiting: break
    }
  }

  /// Shows a remark, unless one of its kind was shown for another row.
  private func remark(_ kind: String, _ job: RowJobs.Job, _ text: String) {
    let count = state.withLock { state in
      state.remarks[kind, default: 0] += 1
      return state.remarks[kind] ?? 1
    }
    if verbose || count == 1 { console.note("\(job.input.name): \(text)") }
  }

  private func finish(_ job: RowJobs.Job, _ result: Img2ImgResult) throws(CommandError) {
    let cost = result.cost.flatMap { Decimal(string: $0) } ?? 0
    let paid = result.reused ? 0 : cost
    state.withLock { state in
      state.tally.spent += paid
      guard result.reused else { return }
      state.tally.reused += 1
      state.tally.spentBefore += cost
    }
    guard json else {
      for file in result.files { try console.output(file.path) }
      if result.files.isEmpty, let id = result.jobID { try console.output(id.rawValue) }
      return
    }
    try event("done", job, result.json(input: job.input.name, paid: paid, sandbox: sandbox))
  }

  private func fail(_ index: Int, _ error: any Error) throws(CommandError) {
    guard let row = leave(index) else { return }
    let failure = CommandError(any: error)
    guard failure.status != .interrupted else {
      return state.withLock { state in
        state.isInterrupted = true
        state.tally.open += 1
      }
    }
    switch BatchFailure(error) {
    case .none: return
    case .own:
      state.withLock { state in
        state.tally.failed += 1
        state.failures.append(failure.status)
      }
      try report(failure, row.job, "failed")
    case .passing:
      state.withLock { state in
        state.tally.open += 1
        state.left.append(failure.status)
      }
      let id =
        row.jobID.map { "job \($0) goes on: the same command follows it" } ?? "the same command continues with it"
      try report(
        CommandError(failure.code, stage: failure.stage, failure.message, remedy: id, status: failure.status), row.job,
        "left")
    case .ofAll:
      // `end` reports this failure once for the whole batch.
      state.withLock { $0.tally.open += 1 }
      try event("left", row.job, ["error": failure.object])
    }
  }

  private func report(_ failure: CommandError, _ job: RowJobs.Job, _ kind: String) throws(CommandError) {
    if json { return try event(kind, job, ["error": failure.object]) }
    let place = jobs.rows.form == .folder ? "" : "line \(job.position): "
    console.error(failure, input: place + job.input.name)
  }

  // MARK: The end

  private func end(summary: Bool = true) throws(CommandError) -> CommandStatus {
    let (tally, stop, limit, failures, left, remarks, isInterrupted) = state.withLock {
      ($0.tally, $0.stop, $0.limit, $0.failures, $0.left, $0.remarks, $0.isInterrupted)
    }
    if !verbose {
      let more = remarks.values.reduce(0) { $0 + $1 - 1 }
      if more > 0 { console.note("gesso: \(more) more remark\(more == 1 ? "" : "s") like these; -v shows all") }
    }
    if let stop {
      console.error(
        CommandError(
          stop.code, stage: stop.stage, "no more rows were begun: \(stop.message)", remedy: stop.remedy,
          status: stop.status))
    }
    if summary {
      let units =
        prepares
        ? ""
        : " for \(tally.spent + tally.spentBefore) \(units)\(tally.before(tally.spentBefore))"
      let batch = prepares ? "" : "batch \(name): "
      console.note(
        "gesso: \(batch)\(tally.counts(prepares: prepares))\(units)"
          + (tally.failed == 0 ? "" : ", \(tally.failed) failed") + (tally.left == 0 ? "" : ", \(tally.left) left"))
      if !isInterrupted, let line = lineThatGoesOn(tally, limit) { console.note("gesso: \(line)") }
    }
    try event("end", tally.json.adding(["name": name, "error": stop?.object]))
    if isInterrupted { return .interrupted }
    if let stop { return stop.status }
    // The same command continues with the rows that a temporary failure has stopped. The exit code lets a scheduler know that.
    if !left.isEmpty { return Set(left) == [.timedOut] ? .timedOut : .unavailable }
    return CommandStatus(failures: failures, of: tally.done + failures.count)
  }

  /// The command that continues with the rest.
  private func lineThatGoesOn(_ tally: BatchTally, _ limit: Remedy.Limit?) -> String? {
    if tally.left > 0 {
      switch limit {
      // With the same limit it would stop at once. How much more to spend is left to the person.
      case .cost:
        return again("with a higher limit for N, the same command goes on: \(ShellWords.line(words(withMaxCost: "N")))")
      case .dailyCost:
        return again("on another day (UTC), or with a higher limit, the same command goes on: \(command)")
      default: return again("the same command goes on: \(command)")
      }
    }
    guard tally.failed > 0, !prepares else { return nil }
    let retry = command.contains(" --retry-failed") ? command : command + " --retry-failed"
    return again("this retries the failed rows: \(retry)")
  }

  /// The words of the command with another value of `--max-cost`.
  private func words(withMaxCost value: String) -> [String] {
    var words = words
    for index in words.indices.dropLast() where words[index] == "--max-cost" { words[index + 1] = value }
    return words.map { $0.hasPrefix("--max-cost=") ? "--max-cost=\(value)" : $0 }
  }

  /// The advice to give the command again. It helps only if the service remembers the jobs, which the sandbox of
  /// `--sandbox` does not.
  private func again(_ words: String) -> String {
    if sandbox, !prepares {
      return "with --sandbox the same command starts all jobs again; to continue, run gesso sandbox in another shell"
    }
    return (isList ? "with the same list, " : "") + words
  }

  /// Reports after Ctrl-C which jobs continue without this process.
  func interrupt() {
    let (rows, tally) = state.withLock { state in
      state.isInterrupted = true
      return (state.underWay.sorted { $0.key < $1.key }.map(\.value), state.tally)
    }
    console.endProgress()
    let running = rows.filter(\.isRunning).compactMap { row in row.jobID.map { "\($0) (\(row.job.input.name))" } }
    let shown = running.prefix(20).joined(separator: ", ")
    let more = running.count > 20 ? " and \(running.count - 20) more" : ""
    let submits = rows.count(where: \.isSubmitting)
    var fates: [String] = []
    if !running.isEmpty {
      let (are, go) = running.count == 1 ? ("is", "goes") : ("are", "go")
      fates.append(
        "\(running.count) job\(running.count == 1 ? "" : "s") "
          + (sandbox ? "end with the sandbox" : "\(go) on at the service and \(are) paid for: \(shown)\(more)"))
    }
    if submits > 0, !sandbox {
      fates.append("\(submits) submit\(submits == 1 ? " is" : "s are") not answered yet and may have started a job")
    }
    let fate = fates.isEmpty ? "no job is running" : fates.joined(separator: "; ")
    console.error(
      CommandError(
        "canceled", stage: .configure, "interrupted, with \(tally.done) of \(tally.total) done; \(fate)",
        remedy: again("the same command goes on: \(command)"), status: .interrupted))
  }

  // MARK: Drawing

  /// Draws the line again from time to time, so that its times stay correct while nothing happens. The sleep throws
  /// once the task is canceled.
  private func tick() async {
    while (try? await Task.sleep(for: .seconds(console.isLive ? 1 : 10))) != nil {
      if console.isLive { draw() } else { console.note("gesso: \(line(width: .max))") }
    }
  }

  private func draw() {
    guard console.isLive, !state.withLock(\.isInterrupted) else { return }
    console.progress(line(width: console.columns))
  }

  private func line(width: Int) -> String {
    let parts = state.withLock(\.tally).parts(prepares: prepares)
    var line = parts[0]
    for part in parts.dropFirst() where TerminalText.columns(of: line) + TerminalText.columns(of: part) + 2 < width {
      line += ", " + part
    }
    return line
  }

  // MARK: Events

  private func event(_ kind: String, _ fields: JSONObject) throws(CommandError) {
    guard json else { return }
    try console.output(json: fields.adding(["event": kind]))
  }

  private func event(_ kind: String, _ job: RowJobs.Job, _ fields: JSONObject) throws(CommandError) {
    guard json else { return }
    try event(kind, fields.adding(["row": job.position, "key": job.key, "input": job.input.name]))
  }
}
