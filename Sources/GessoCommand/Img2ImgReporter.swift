internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI
internal import Synchronization

/// Shows the progress of an img2img run and its result.
final class Img2ImgReporter: Sendable {
  private struct State {
    var prepared: JSONObject?
    var notes: [String] = []
    var jobID: JobID?
    var submit = Submit.idle
    /// True if only the price was asked for, and the order already has its job.
    var hasJob = false
    var downloads = 0
  }

  /// The state of the submit, on which the message after an interruption depends.
  private enum Submit {
    /// The service has no job of this order, or the job's id is on record.
    case idle
    /// A reply is outstanding.
    case outstanding
    /// The reply is lost, and the run looks for its job.
    case uncertain
  }

  private let console: Console
  private let input: String
  private let json: Bool
  private let units: CreativeUnits
  /// The counts of the command's other inputs; nil if there are none.
  private let others: Img2ImgReport?
  private let sizeNotes: @Sendable (PreparedImage) -> [String]
  /// False for a job that is only followed, and whose cost was printed when it was submitted.
  private let printsCost: Bool
  private let state = Mutex(State())

  init(
    console: Console, input: String, json: Bool, units: CreativeUnits, others: Img2ImgReport? = nil, job: JobID? = nil,
    sizeNotes: @escaping @Sendable (PreparedImage) -> [String] = { _ in [] }
  ) {
    self.console = console
    self.input = input
    self.json = json
    self.units = units
    self.others = others
    self.sizeNotes = sizeNotes
    printsCost = job == nil
    state.withLock { $0.jobID = job }
  }

  private func note(_ text: String) { console.note("\(others == nil ? "gesso" : input): \(text)") }

  /// Shows a step of the input. With several inputs it is only a detail of the line that counts them.
  private func progress(_ step: String, _ detail: String = "") {
    guard let others else { return console.progress(step, detail) }
    console.progress(others.count, "(\([input, step, detail].filter { !$0.isEmpty }.joined(separator: " ")))")
  }

  /// Shows events until the work has ended.
  func follow<Success>(_ run: Img2ImgRun<Success>) async throws -> Success {
    for await event in run.events { show(event) }
    return try await run.result
  }

  func show(_ event: Img2ImgEvent) {
    switch event {
    case .preparing: progress("preparing", others == nil ? input : "")
    case .prepared(let image, let path):
      let object = image.json(input: input, output: path, peakMemoryBytes: Environment.peakMemoryBytes)
      state.withLock { $0.prepared = object }
      for note in [image.summary] + image.lines + sizeNotes(image) { console.note("\(input): \(note)") }
      if let path { console.note("\(others == nil ? "" : "\(input): ")prepared: \(path)") }
    case .preparedBefore(let path):
      guard let path else { return progress("prepared before", others == nil ? input : "") }
      state.withLock { $0.prepared = ["output": path] }
      console.note("\(others == nil ? "" : "\(input): ")prepared before: \(path)")
    case .waitingForOrder(_, let patience):
      let seconds = Int((patience / .seconds(1)).rounded(.up))
      console.endProgress()
      note("waiting for another process that works on this order, at most \(seconds) seconds")
    case .noticed(let remark):
      state.withLock { state in
        state.notes.append(remark.words)
        if case .hasJob = remark { state.hasJob = true }
      }
      note(remark.words)
    case .uploading(let sent): progress("uploading", Self.figure(sent))
    case .waitingForUpload(let patience):
      let seconds = Int((patience / .seconds(1)).rounded(.up))
      console.endProgress()
      note("waiting for another process to upload the same image, for at most \(seconds) seconds")
    case .dryRunStartedJob(let id):
      state.withLock { ($0.jobID, $0.submit) = (id, .idle) }
      console.endProgress()
      note("only the price was asked for, and the service started job \(id): it is paid for, and this order's job")
    case .switchedToCustom(let model, let refusal):
      console.endProgress()
      note("\(refusal.message): no job was started; going on with the custom model \(model), whose price is asked for")
    case .costsMore(let cost, let price):
      console.endProgress()
      note("the service charges \(cost) creative units for the job, and its price was \(price)")
    case .repeatedOtherwise(let names):
      console.endProgress()
      note(
        "the service does not repeat what was sent: \(names.joined(separator: ", ")); its results may not be those of the order"
      )
    case .submitting:
      state.withLock { $0.submit = .outstanding }
      progress("submitting")
    case .pausing(let pause, let error):
      let isSubmit = error.stage == .submit
      if isSubmit { state.withLock { $0.submit = .idle } }
      let seconds = Int((pause / .seconds(1)).rounded(.up))
      console.endProgress()
      note(
        "\(error.message): \(isSubmit ? "submitting" : "trying") again in \(seconds) second\(seconds == 1 ? "" : "s")")
    case .waitingForPlace:
      state.withLock { $0.submit = .idle }
      progress("waiting for another job to end")
    case .reconciling:
      state.withLock { $0.submit = .uncertain }
      progress("asking whether the submit started a job")
    case .submitted(let id):
      state.withLock { ($0.jobID, $0.submit) = (id, .idle) }
      console.note("\(others == nil ? "" : "\(input): ")job: \(id)")
    case .waiting(let job):
      progress(job.status.description, job.progress > 0 ? "\(Int(job.progress * 100)) %" : "")
    case .downloading(let count): progress("downloading", count == 1 ? "" : "\(count) results")
    case .nameTaken(let path, let wasEdited, let result):
      note(
        wasEdited
          ? "\(path) was changed since it was written and stays as it is: the result is \(result)"
          : "\(path) or its record is there already: the result is \(result)")
    case .downloaded: state.withLock { $0.downloads += 1 }
    }
  }

  /// `1.2 MB of 3.4 MB`.
  static func figure(_ progress: UploadProgress) -> String {
    "\(Figure.bytes(progress.sentBytes)) of \(Figure.bytes(progress.totalBytes))"
  }

  /// True once a job is known.
  var hasJob: Bool { state.withLock { $0.jobID != nil } }

  /// Explains after Ctrl-C why the command does not end at once, if it does not.
  func interrupt() {
    if state.withLock(\.submit) == .outstanding {
      note("waiting for the answer to the submit, so that a paid job is not lost; interrupt again to end now")
    }
  }

  /// Prints the results.
  ///
  /// - Returns: The cost that was paid for them now, in creative units.
  func finish(_ result: Img2ImgResult) throws(CommandError) -> Decimal {
    console.endProgress()
    if result.reused {
      let made = result.submitted.map { "made on \(Self.time($0))" } ?? "made before"
      note("\(made): nothing was started or paid for now; --again makes another")
    } else if printsCost, let cost = result.cost {
      note("\(others == nil ? "\(input) " : "")cost\(result.files.isEmpty ? "s" : "") \(cost) \(units)")
    } else if !printsCost, state.withLock(\.downloads) == 0 {
      note("the results were downloaded before and are unchanged: nothing was downloaded now")
    }
    let paid = result.reused ? 0 : result.cost.flatMap { Decimal(string: $0) }
    guard json else {
      for file in result.files { try console.output(file.path) }
      // The command did not wait for results, so it prints the id that a later command needs.
      if result.files.isEmpty, let job = result.jobID { try console.output(job.rawValue) }
      return paid ?? 0
    }
    let more: JSONObject = ["prepared": state.withLock(\.prepared), "notes": state.withLock(\.notes)]
    try console.output(json: result.json(input: input, paid: paid, sandbox: sandbox).adding(more))
    return paid ?? 0
  }

  /// `2026-11-28 14:02`, in the time zone of this machine.
  private static func time(_ date: Date) -> String {
    date.formatted(
      Date.VerbatimFormatStyle(
        format:
          "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
        timeZone: .current, calendar: Calendar(identifier: .gregorian)))
  }

  private var sandbox: Bool { units.isOfOwnSandbox }

  /// Prints the price. Standard output gets nothing else.
  ///
  /// - Returns: The present price of the same order in creative units: 0 if it already has its job.
  func finish(price: Decimal) throws(CommandError) -> Decimal {
    console.endProgress()
    if others == nil {
      note("\(input) would cost \(price) \(units); \(Img2ImgReport.freeOfCharge)")
      if !json { try console.output("\(price)") }
    } else {
      note("would cost \(price) \(units)")
    }
    if json { try console.output(json: ["input": input, "cost": price, "dryRun": true]) }
    return state.withLock(\.hasJob) ? 0 : price
  }

  /// Prints the error, and how to continue when a job is on record.
  func fail(_ error: any Error) throws(CommandError) -> CommandStatus {
    console.endProgress()
    var failure = CommandError(any: error)
    let job = state.withLock(\.jobID) ?? (error as? any GessoFailure)?.jobID
    if failure.status == .interrupted, others != nil, state.withLock(\.submit) != .uncertain {
      // With several inputs, ``Img2ImgReport`` prints one line about the interruption at the end.
      return failure.status
    }
    if let job, failure.status != .jobFailed {
      let goOn = "gesso jobs watch \(job)"
      switch failure.status {
      case .interrupted:
        failure = failure.saying(
          "interrupted",
          sandbox
            ? "the sandbox and job \(job) end with it"
            : "job \(job) goes on and is paid for: the same command goes on with it, or \(goOn)")
      case .timedOut:
        failure = failure.saying(
          failure.message,
          sandbox ? "raise --timeout: the sandbox and its jobs end with this command" : "\(goOn) goes on with it")
      case .unavailable, .refused, .cannotWrite, .credentials:
        if !sandbox {
          let remedy = failure.remedy.isEmpty ? "" : "\(failure.remedy), then "
          failure = failure.saying(failure.message, "\(remedy)\(goOn) goes on with it")
        }
      default: break
      }
    } else if failure.status == .interrupted {
      // An interrupted run waits for an outstanding reply. So if no job is known here, the interruption came before the submit was sent.
      failure = failure.saying(
        "interrupted",
        state.withLock(\.submit) == .uncertain
          ? "it is not known yet whether the submit started a job: the same command asks the service"
          : "no job was submitted: the same command starts again")
    }
    try console.report(failure, input: input, json: json)
    return failure.status
  }
}

extension Img2ImgResult {
  /// The object of `--json` without the prepared image and the notes.
  func json(input: String, paid: Decimal?, sandbox: Bool) -> JSONObject {
    [
      "input": input, "job": jobID, "run": runID, "seed": seed, "cost": paid, "reused": reused, "sandbox": sandbox,
      "sourceAssetId": sourceAssetID,
      "results": files.map { file -> JSONObject in
        [
          "output": file.path, "record": file.recordPath, "assetId": file.assetID, "mimeType": file.mimeType,
          "bytes": file.byteCount, "sha256": file.sha256, "width": file.size?.width, "height": file.size?.height,
        ]
      },
    ]
  }
}

extension OrderNote {
  /// The word for its kind.
  var kind: String {
    switch self {
    case .otherShape: "other-shape"
    case .maskSelectsAll: "mask-selects-all"
    case .hasJob: "has-job"
    case .madeByAnotherAccount: "made-by-another-account"
    case .maskIsTransparent: "mask-is-transparent"
    }
  }

  /// One line with the flags of this command.
  var words: String {
    switch self {
    case .otherShape(let results, let prepared):
      "the results are \(results) and the prepared image is \(prepared), which the service may stretch: "
        + "--size \(results) --fit cover prepares their shape"
    case .maskSelectsAll: "the mask is white everywhere: the whole image is repainted"
    case .hasJob(let job, let run):
      "the order has its job \(job) already (run \(run)), so this is the price on record; the order itself costs nothing more"
    case .madeByAnotherAccount(let run, let job):
      "run \(run) has the same image, prompt and model, and was paid for with another API key or project, so this order is paid "
        + "for again: gesso jobs \(job.map { "fetch \($0) gets its results" } ?? "show \(run) shows it"), and --project makes all keys of "
        + "a project share their orders"
    case .maskIsTransparent: "transparent parts of the mask are kept like black ones: only white is repainted"
    }
  }
}

extension CommandError {
  fileprivate func saying(_ message: String, _ remedy: String) -> CommandError {
    CommandError(code, stage: stage, message, remedy: remedy, status: status)
  }
}
