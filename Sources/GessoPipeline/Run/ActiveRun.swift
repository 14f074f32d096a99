internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// A claimed run and the outcomes of its steps so far. It carries out the actions that ``RunState`` decides on.
struct ActiveRun {
  /// The state of the run in the ledger when the current action began.
  private(set) var entry: LedgerEntry
  /// True for a run that was finished before it was claimed.
  let wasFinished: Bool
  /// The job's price in creative units, once it was requested.
  private(set) var price: Decimal?
  /// The results on disk, in the service's order.
  private(set) var files: [Img2ImgResult.File] = []

  private let context: RunContext
  /// The order; nil for a job that is only followed.
  private let order: Img2ImgOrder?
  private let naming: ResultNaming
  private let replacesResults: Bool
  /// The limits of cost that the job shares with others.
  private let limits: [SpendingLimit]
  private let places: RunPlaces
  /// False if only the price is asked for.
  private let writesImages: Bool
  /// The request, as complete as it is so far.
  private var request: Img2ImgRequest
  private var images = PreparedImages()
  private var retry: RetryPolicy
  private var hasPlace = false
  /// The time that the run has waited for jobs of other processes.
  private var waitedForOthers = Duration.zero

  /// Makes the run of an order.
  init(
    _ context: RunContext, _ entry: LedgerEntry, _ order: Img2ImgOrder, limits: [SpendingLimit], places: RunPlaces,
    writesImages: Bool
  ) {
    self.init(
      context, entry, order, order.naming(seed: entry.intent.seed), replacesResults: order.replacesResults,
      limits: limits, places: places, writesImages: writesImages)
  }

  /// Makes a run whose job is on record.
  init(
    _ context: RunContext, _ entry: LedgerEntry, following naming: ResultNaming, replacesResults: Bool,
    places: RunPlaces
  ) {
    self.init(
      context, entry, nil, naming, replacesResults: replacesResults, limits: [], places: places, writesImages: true)
  }

  private init(
    _ context: RunContext, _ entry: LedgerEntry, _ order: Img2ImgOrder?, _ naming: ResultNaming,
    replacesResults: Bool, limits: [SpendingLimit], places: RunPlaces, writesImages: Bool
  ) {
    self.writesImages = writesImages
    self.context = context
    self.entry = entry
    wasFinished = entry.state == .downloaded
    self.order = order
    self.naming = naming
    self.replacesResults = replacesResults
    self.limits = limits
    self.places = places
    retry = context.client.retry
    request =
      order?.request ?? Img2ImgRequest(prompt: entry.intent.prompt, image: .asset(Img2ImgOrder.laterAsset))
    request.seed = entry.intent.seed
    if case .remote(let url) = order?.source { request.image = .url(url) }
  }

  /// Carries out an action.
  ///
  /// - Returns: The outcome. A failure is an event too.
  mutating func perform(_ action: RunState.Action) async -> RunState.Event {
    do {
      entry = try context.ledger.entry(run: entry.id)
      return try await carryOut(action)
    } catch {
      return .failed(RunFailure(error))
    }
  }

  /// Ends the run: gives up its place, and records the reason if there is one.
  mutating func end(recording reason: String? = nil) throws(PipelineError) {
    leavePlace()
    if let reason { try context.ledger.recordFailure(entry.id, reason: reason) }
    entry = try context.ledger.entry(run: entry.id)
  }

  private mutating func carryOut(_ action: RunState.Action) async throws -> RunState.Event {
    switch action {
    case .lookForResults:
      guard let found = try DownloadStep(context: context, places: resultPlaces).found() else { return .resultsMissing }
      files = found
      return .resultsFound
    case .takePlace(let refusal):
      return try await takePlace(after: refusal)
    case .prepare(let reusing):
      let step = PrepareStep(
        ledger: context.ledger, preparer: context.preparer, places: places, writesFiles: writesImages,
        freeBytes: context.freeBytes, report: context.report)
      images = try await step.run(try ordered, entry, &request, reusing: reusing)
      return .prepared
    case .checkUpload:
      let isStored = try await UploadStep(context: context).isStored(try ordered, entry, &request)
      return isStored ? .uploadFound : .uploadMissing
    case .upload:
      try await UploadStep(context: context).run(images, try ordered, entry, &request)
      images = PreparedImages()
      return .uploaded
    case .switchToCustom(let refusal):
      request = try CustomModel.request(like: request)
      context.report(.switchedToCustom(model: request.modelID, refusal))
      retry = context.client.retry
      return .switched
    case .askPrice:
      try request.restore(from: entry)
      let event = try await PriceStep(context: context).run(request, entry)
      if case .priced(let price) = event { self.price = price }
      return event
    case .submit:
      try OutputFolder.checkSpace(
        for: request.resultBytes, in: naming.folder, freeBytes: context.freeBytes(naming.folder))
      try context.terms.brake?.beginSubmit()
      do {
        let event = try await SubmitStep(context: context, price: price, limits: limits).run(request, entry, &retry)
        if case .notSubmitted(let error, _) = event, !error.mayHaveStartedJob { context.terms.brake?.endSubmit() }
        return event
      } catch {
        context.terms.brake?.endSubmit()
        throw error
      }
    case .pause(let pause, let refusal):
      context.report(.pausing(pause, refusal))
      try await context.client.sleep(pause, stage: .submit)
      return .pauseEnded
    case .reconcile: return .submitted(try await ReconcileStep(context: context).run(entry))
    case .follow(let job):
      let ended = try await WaitStep(context: context).run(job, of: entry, isOrdered: order != nil)
      // The place is given up before the download, so that the next job need not wait for it.
      leavePlace()
      return .jobEnded(ended)
    case .download(let job):
      files = try await DownloadStep(context: context, places: resultPlaces).run(job)
      return .downloaded
    case .finish, .giveUp:
      throw PipelineError(unexpected: "the run has ended", entry)
    }
  }

  /// Gives up the place among the account's jobs.
  private mutating func leavePlace() {
    if hasPlace { places.jobs.leave() }
    hasPlace = false
  }

  /// Waits until the plan leaves room for the job.
  ///
  /// - Throws: The refusal, if no job of this process is running, because another process then holds the place. If the order's terms allow
  ///   waiting for other processes, the refusal is thrown only when that time is over.
  private mutating func takePlace(after refusal: ScenarioError?) async throws -> RunState.Event {
    if let refusal {
      hasPlace = false
      if !places.jobs.learn(refusal.planLimit) { try await waitForOthers(after: refusal) }
    }
    try context.terms.brake?.check()
    if refusal != nil { context.report(.waitingForPlace) }
    try await places.jobs.enter()
    hasPlace = true
    try context.terms.brake?.check()
    retry = context.client.retry
    return .placeTaken
  }

  /// Waits a while for the jobs of other processes.
  private mutating func waitForOthers(after refusal: ScenarioError) async throws {
    guard let patience = context.terms.patience, waitedForOthers < patience else { throw refusal }
    context.report(.pausing(OrderTerms.longInterval, refusal))
    try await context.client.sleep(OrderTerms.longInterval, stage: .submit)
    waitedForOthers += OrderTerms.longInterval
  }

  private var resultPlaces: ResultPlaces {
    ResultPlaces(ledger: context.ledger, run: entry, naming: naming, replaces: replacesResults)
  }

  private var ordered: Img2ImgOrder {
    get throws(PipelineError) {
      guard let order else { throw PipelineError(unexpected: "run \(entry.id) is only followed", entry) }
      return order
    }
  }
}
