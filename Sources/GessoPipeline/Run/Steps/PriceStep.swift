internal import Foundation
internal import ScenarioAPI

/// Asks for the price of a job, if no submit is on record. If the service ignores the flag for a dry run and starts the job, the job is
/// paid for and belongs to the order.
struct PriceStep: Sendable {
  let context: RunContext

  /// Asks for the price. The ledger first records that the request may start a job.
  ///
  /// - Returns: `priced`, or `submitted` when the service started the job.
  /// - Throws: A `ScenarioError`; or a ``PipelineError`` with the code `needs-decision` when the reply has no price, and several jobs may
  ///   be the one that the dry run started.
  func run(_ request: Img2ImgRequest, _ entry: LedgerEntry) async throws -> RunState.Event {
    if let job = try await jobOfEarlierDryRun(entry) { return .submitted(job) }
    try Task.checkCancellation()
    try context.ledger.recordDryRun(entry.id, try Ledger.Submit(request, by: context.account))
    do {
      switch try await context.client.dryRun(request) {
      case .price(let price):
        try context.ledger.recordNoDryRunJob(entry.id, price: price.creativeUnits)
        return .priced(price.creativeUnits)
      case .startedJob(let job, let cost):
        try context.ledger.recordSubmission(entry.id, job: job, cost: cost?.description)
        context.report(.dryRunStartedJob(job))
        return .submitted(job)
      }
    } catch let error as ScenarioError where error.charged == .unknown {
      try context.ledger.recordNames(entry.id, error.namedIDs)
      let asked = try context.ledger.entry(run: entry.id)
      guard let job = try await ReconcileStep(context: context).jobOfDryRun(asked, hasReply: true) else {
        throw error
      }
      context.report(.dryRunStartedJob(job))
      return .submitted(job)
    } catch let error as ScenarioError where error.outcome == .refused || error.outcome == .notSent {
      try context.ledger.recordNoDryRunJob(entry.id)
      throw error
    }
  }

  /// The job that an earlier dry run without a reply started, if there is one.
  func jobOfEarlierDryRun(_ entry: LedgerEntry) async throws -> JobID? {
    guard entry.dryRunAt != nil,
      let job = try await ReconcileStep(context: context).jobOfDryRun(entry, hasReply: false)
    else { return nil }
    context.report(.dryRunStartedJob(job))
    return job
  }

  /// Finds out which jobs the account's earlier dry runs without a reply have started, so that the limit of the day counts these jobs
  /// and no others. Dry runs in progress are left alone.
  ///
  /// - Parameter run: The run that is about to be submitted.
  /// - Throws: A `ScenarioError` when the service cannot be asked.
  func settleDryRuns(before run: Int64) async throws {
    let reconcile = ReconcileStep(context: context.silent)
    for other in try context.ledger.openDryRuns(account: context.account) where other.id != run {
      if try context.ledger.isClaimed(other.id) { continue }
      try await reconcile.settleDryRun(of: other)
    }
  }

  /// The price of a run whose job is on record. It is read from the ledger, because another dry run might start another
  /// job.
  ///
  /// - Throws: The error of ``startedJob(_:isEarlier:)``, or a ``PipelineError`` if neither price nor cost is on record.
  static func price(onRecordOf run: LedgerEntry) throws -> Decimal {
    guard let job = run.jobID else { throw PipelineError(unexpected: "no price was asked for", run) }
    if run.wasStartedByDryRun { throw startedJob(job, isEarlier: true) }
    guard let price = (run.price ?? run.cost).flatMap({ Decimal(string: $0) }) else {
      throw PipelineError(
        .invalidOrder, stage: .price,
        "the order has its job \(job) already, and what it costs is not on record: the price is not asked for again",
        remedy: "give the same order to get the results, which costs nothing", jobID: job, runID: run.id)
    }
    return price
  }

  /// The error for a request for a price whose dry run started the job.
  static func startedJob(_ job: JobID, isEarlier: Bool) -> ScenarioError {
    var error = ScenarioError(
      .dryRunStartedJob, .unusable, stage: .price,
      isEarlier
        ? "the service started job \(job) when it was asked for this price before, so it is not asked again"
        : "only the price was asked for, and the service started job \(job)",
      remedy: "it is paid for and on record: take its results, or cancel it")
    error.jobID = job
    error.charged = .yes
    return error
  }
}

extension ScenarioError {
  /// The ids of jobs and assets that an unreadable reply names.
  var namedIDs: [String] { namedJobs.map(\.rawValue) + namedAssets.map(\.rawValue) }
}

extension Ledger.Submit {
  /// The record of a request, which is written before it is sent.
  init(
    _ request: Img2ImgRequest, by account: Account, price: Decimal? = nil, limits: [SpendingLimit] = []
  ) throws {
    self.init(
      account: account.id, model: request.modelID, parameters: try JSONText.line(request.record), price: price,
      limits: limits)
  }
}
