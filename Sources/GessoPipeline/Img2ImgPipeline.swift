public import Foundation
internal import Ground
public import ImagePreparation
public import ScenarioAPI

/// Carries images from the source to generated results on disk: prepare, upload, submit, wait, download.
///
/// Every step that cannot be repeated for free is on record in the ``Ledger`` before the next one begins. A run that was
/// interrupted, killed or timed out therefore continues when the same order is started again, or with
/// ``resume(_:folder:nameTemplate:replacesResults:polling:)``. `RunState` decides on the steps.
public struct Img2ImgPipeline: Sendable {
  private let service: ScenarioClient?
  /// The record of all runs.
  public let ledger: Ledger
  /// Prepares images.
  public let preparer: ImagePreparer
  /// The bytes that may still be written in a folder; nil if that is not known.
  package var freeBytes: @Sendable (String) -> UInt64? = { FileSystem.freeBytes(holding: $0) }
  private let randomSeed: @Sendable () -> String
  private let places: RunPlaces
  private let jobList = SharedJobList()

  /// Makes a pipeline.
  ///
  /// - Parameters:
  ///   - client: The client of the service.
  ///   - ledger: The record of all runs.
  ///   - preparer: Prepares images.
  ///   - randomSeed: Makes a random seed for orders that name none: a number from 0 to `Img2ImgRequest.largestSeed` in decimal digits.
  public init(
    client: ScenarioClient, ledger: Ledger, preparer: ImagePreparer = ImagePreparer(),
    randomSeed: @escaping @Sendable () -> String = { String(Int.random(in: 0...Img2ImgRequest.largestSeed)) }
  ) {
    self.init(service: client, ledger, preparer, randomSeed)
  }

  /// Makes a pipeline without a service and without an account, which prepares images for later orders
  /// (``Img2ImgBatch/preparations()``).
  ///
  /// - Parameters:
  ///   - ledger: The record of all runs.
  ///   - preparer: Prepares images.
  public init(ledger: Ledger, preparer: ImagePreparer = ImagePreparer()) {
    self.init(service: nil, ledger, preparer, { "0" })
  }

  private init(
    service: ScenarioClient?, _ ledger: Ledger, _ preparer: ImagePreparer,
    _ randomSeed: @escaping @Sendable () -> String
  ) {
    self.service = service
    self.ledger = ledger
    self.preparer = preparer
    self.randomSeed = randomSeed
    places = RunPlaces(memory: preparer.limits.maxMemory)
  }

  /// Carries out an order.
  ///
  /// The order's folder then holds `<stem>.prepared.<ext>`, every result under the name that the template gives, and
  /// `<result>.json` beside each. A result replaces no other file: if its name or that of its record is taken, both gain
  /// `-2`, `-3`, … (see ``Img2ImgOrder/replacesResults``). A result that was changed since it was written is kept, and the
  /// result is downloaded again beside it.
  ///
  /// Canceling stops the run in any step, pauses between attempts included. If the reply to the submit is still
  /// outstanding, the run waits for it and records the job first. A submitted job is not stopped.
  ///
  /// An order that the ledger knows is not carried out twice: an interrupted run continues from its last step, and the files of a
  /// finished run are returned without a request. The folder and names of the results are those of this call, not of an earlier
  /// attempt. ``Img2ImgOrder/again`` makes a new attempt of a finished order.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - polling: When to read the job, and for how long.
  /// - Returns: The run. Its result lists the files on disk, or none when the order does not wait for them. It throws a `PreparationError`,
  ///   a `ScenarioError` (`jobID` names the job once there is one) or a ``PipelineError``: `run-in-progress` when another process works on
  ///   this order, `needs-decision` when it is unknown whether a submit started a job, `too-expensive` above ``Img2ImgOrder/maxCost`` or
  ///   ``Img2ImgOrder/maxCostPerDay``, `no-substitute` when the service no longer has the legacy endpoint and the custom model cannot make
  ///   these results, `results-gone` when the service has lost the results.
  public func start(_ order: Img2ImgOrder, polling: JobPolling = JobPolling()) -> Img2ImgRun<Img2ImgResult> {
    Run { report in try await results(of: order, polling: polling, report) }
  }

  /// Carries out an order.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - terms: The limits and resources that it shares with other orders.
  ///   - polling: When to read the job, and for how long.
  ///   - report: Receives the events.
  /// - Returns: The results.
  /// - Throws: The errors of ``start(_:polling:)``.
  func results(
    of order: Img2ImgOrder, under terms: OrderTerms = OrderTerms(), polling: JobPolling,
    _ report: @escaping @Sendable (Img2ImgEvent) -> Void
  ) async throws -> Img2ImgResult {
    let state = RunState(
      goal: order.waits ? .results : .job, asksPrice: order.maxCost ?? order.maxCostPerDay != nil,
      maySwitch: order.maySwitch)
    let run = try await carryOut(order, state, context(polling, under: terms, report))
    return Img2ImgResult(run.entry, files: run.files, reused: run.wasFinished)
  }

  /// The client of the service.
  ///
  /// - Throws: A ``PipelineError`` with the code `invalid-order` if the pipeline has none.
  public var client: ScenarioClient {
    get throws(PipelineError) {
      guard let service else {
        throw PipelineError(
          .invalidOrder, stage: .configure, "this pipeline has no service", remedy: "make one with a client")
      }
      return service
    }
  }

  /// Prepares the image of an order, on disk and on record. Neither the service nor an account is needed.
  ///
  /// - Returns: The path of the prepared image; nil if the service fetches the image itself.
  /// - Throws: A `PreparationError`, a ``PipelineError`` or, for an order that the service would not take, a `ScenarioError`.
  func preparedPath(
    of order: Img2ImgOrder, _ report: @escaping @Sendable (Img2ImgEvent) -> Void
  ) async throws -> String? {
    try order.validate()
    try order.naming(seed: order.request.seed ?? "0").makeFolder(
      count: order.request.numSamples, cleans: places.isFirst(in: order.folder))
    return try await PrepareStep(
      ledger: ledger, preparer: preparer, places: places, writesFiles: true, freeBytes: freeBytes, report: report
    ).run(order)
  }

  /// Asks for the price of an order without starting anything. The image is prepared and uploaded, which is free; nothing is written into
  /// the order's folder.
  ///
  /// If the order was submitted before, no dry run is sent, because a service that ignores the flag for a dry run would start another job.
  /// The result is then the price on record. If the submit had no reply, its job is looked for first.
  ///
  /// - Returns: The run, whose result is the price in creative units. It throws the errors of ``start(_:polling:)``.
  public func price(_ order: Img2ImgOrder) -> Img2ImgRun<Decimal> {
    Run { report in try await price(of: order, report) }
  }

  func price(
    of order: Img2ImgOrder, under terms: OrderTerms = OrderTerms(), _ report: @escaping @Sendable (Img2ImgEvent) -> Void
  ) async throws -> Decimal {
    let run = try await carryOut(
      order, RunState(goal: .price, maySwitch: order.maySwitch), context(JobPolling(), under: terms, report))
    if let price = run.price { return price }
    let price = try PriceStep.price(onRecordOf: run.entry)
    if let job = run.entry.jobID { report(.noticed(.hasJob(job, run: run.entry.id))) }
    return price
  }

  /// Continues with a job: waits for it and downloads the results that are not on disk.
  ///
  /// A job that this machine's ledger does not know, such as one of another machine, is read from the service. It becomes a run
  /// of its own, unless the submit of a run may have started it.
  ///
  /// - Parameters:
  ///   - job: The job.
  ///   - folder: The folder for results; nil for the order's folder. The ledger keeps the folder that is given here.
  ///   - nameTemplate: The names of results, as in ``Img2ImgOrder/nameTemplate``; nil for the order's names.
  ///   - replacesResults: The same as ``Img2ImgOrder/replacesResults``.
  ///   - polling: When to read the job, and for how long.
  /// - Returns: The run, whose result lists the files on disk. It throws a `ScenarioError` or a ``PipelineError``: `unknown-job` when the
  ///   service does not know the job either, `needs-decision` for a job that a submit of unknown outcome may have started,
  ///   `run-in-progress`, `invalid-order` for a template that makes no names, or `other-service` when the job was started through another
  ///   address than the client's.
  public func resume(
    _ job: JobID, folder: String? = nil, nameTemplate: String? = nil, replacesResults: Bool = false,
    polling: JobPolling = JobPolling()
  ) -> Img2ImgRun<Img2ImgResult> {
    Run { report in
      let claim = try await claim(job, account: context(polling, report).account)
      let known = claim.entry
      defer { withExtendedLifetime(claim) {} }
      var intent = claim.entry.intent
      let naming = ResultNaming(
        folder: folder ?? intent.folder, template: nameTemplate ?? intent.nameTemplate, stem: intent.stem,
        seed: intent.seed)
      // The name is checked for one result only, because further results of the same name are numbered.
      if nameTemplate != nil { try naming.check(count: 1) }
      (intent.folder, intent.nameTemplate) = (naming.folder.absolutePath, naming.template)
      if !claim.entry.intent.placesLike(intent) { try ledger.recordRepeat(known.id, of: intent) }
      try naming.makeFolder(count: 1, cleans: places.isFirst(in: naming.folder))
      var run = ActiveRun(
        try context(polling, report), claim.entry, following: naming, replacesResults: replacesResults, places: places)
      try await carryOut(&run, RunState(goal: .results), .resumed(job))
      return Img2ImgResult(run.entry, files: run.files)
    }
  }

  /// Uploads an image, unless the service still has the same bytes.
  ///
  /// - Parameters:
  ///   - source: The image, in a form that can be read twice.
  ///   - stem: The name of the image without an extension.
  ///   - recipe: The recipe of the image; nil to upload its bytes unchanged.
  /// - Returns: The upload, whose result is the asset. It throws a `PreparationError`, a `ScenarioError` or a
  ///   ``PipelineError``.
  public func upload(_ source: ImageSource, stem: String, recipe: Recipe?) -> Img2ImgRun<AssetID> {
    Run { report in
      let image = try await offThePool { flag in
        try EncodedImage(source, stem: stem, recipe: recipe, preparer, flag) { report(.prepared($0, path: nil)) }
      }
      return try await UploadStep(context: context(JobPolling(), report)).asset(of: image)
    }
  }

  // MARK: The loop

  /// Claims an order's run and carries it out from its state in the ledger.
  private func carryOut(_ order: Img2ImgOrder, _ state: RunState, _ context: RunContext) async throws -> ActiveRun {
    try order.validate()
    let intent = try await places.reading { try order.intent(context, randomSeed) }
    return try await places.inTurn(intent.key) { try await carryOut(order, intent, state, context) }
  }

  private func carryOut(
    _ order: Img2ImgOrder, _ intent: LedgerIntent, _ state: RunState, _ context: RunContext
  ) async throws -> ActiveRun {
    let writes = state.goal != .price
    let isOrdered = [.job, .results].contains(state.goal)
    if writes {
      try order.naming(seed: intent.seed).makeFolder(
        count: order.request.numSamples, cleans: places.isFirst(in: order.folder))
    }
    let claim = try await claim(intent, again: order.again && isOrdered, isOrdered: isOrdered, context)
    defer { withExtendedLifetime(claim) {} }
    let entry = claim.entry
    if isOrdered, !entry.intent.placesLike(intent) { try ledger.recordRepeat(entry.id, of: intent) }
    if entry.state.isBeforeSubmit,
      let other = try ledger.runOfAnotherAccount(
        like: intent, models: CustomModel.alternatives(to: intent.model), seed: order.request.seed)
    {
      context.report(.noticed(.madeByAnotherAccount(run: other.id, job: other.jobID)))
    }
    var run = ActiveRun(
      context, entry, order, limits: order.limits(context.terms.scope(with: intent.key)), places: places,
      writesImages: writes)
    try await carryOut(&run, state, .claimed(entry.state, job: entry.jobID))
    return run
  }

  /// Claims the run of an order. If another process has claimed the run and the order's terms allow waiting, the call waits until the run
  /// is free. The run is usually finished then.
  private func claim(
    _ intent: LedgerIntent, again: Bool, isOrdered: Bool, _ context: RunContext
  ) async throws -> LedgerClaim {
    var waited = Duration.zero
    while true {
      do throws(PipelineError) {
        return try ledger.claim(intent, again: again && waited == .zero, isOrdered: isOrdered, for: context.terms.place)
      } catch {
        guard error.code == .runInProgress, let patience = context.terms.patience, waited < patience else {
          throw error
        }
        if waited == .zero { context.report(.waitingForOrder(run: error.runID, upTo: patience)) }
      }
      try await client.sleep(OrderTerms.interval, stage: .submit)
      waited += OrderTerms.interval
    }
  }

  /// Performs the actions that the state decides on, until the run ends.
  private func carryOut(_ run: inout ActiveRun, _ start: RunState, _ first: RunState.Event) async throws {
    var (state, event) = (start, first)
    while true {
      let action = state.next(event)
      switch action {
      case .finish: return try run.end()
      case .giveUp(let failure, let reason):
        try run.end(recording: reason)
        throw failure.error
      default: event = await run.perform(action)
      }
    }
  }

  func context(
    _ polling: JobPolling, under terms: OrderTerms = OrderTerms(), _ report: @escaping @Sendable (Img2ImgEvent) -> Void
  ) throws(PipelineError) -> RunContext {
    var client = try client
    let former = client.onPause
    client.onPause = { pause, refusal in
      former(pause, refusal)
      report(.pausing(pause, refusal))
    }
    return RunContext(
      client: client, jobList: jobList, ledger: ledger, preparer: preparer, polling: polling, terms: terms,
      report: report, freeBytes: freeBytes)
  }
}
