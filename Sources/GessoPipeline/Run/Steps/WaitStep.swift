internal import Foundation
internal import ScenarioAPI

/// Follows a job to its end.
struct WaitStep: Sendable {
  let context: RunContext

  /// Waits for a job.
  ///
  /// - Parameters:
  ///   - job: The job.
  ///   - run: Its run.
  ///   - isOrdered: True to report the job as submitted first; false when the caller named the job.
  /// - Returns: The job in its final state.
  /// - Throws: A `ScenarioError`, such as `deadline-exceeded`.
  func run(_ job: JobID, of run: LedgerEntry, isOrdered: Bool) async throws -> Job {
    if isOrdered { context.report(.submitted(job)) }
    try Task.checkCancellation()
    var final: Job?
    do {
      for try await update in context.client.updates(of: job, polling: context.polling, isNew: isOrdered) {
        context.report(.waiting(update))
        final = update
      }
    } catch let error as ScenarioError where error.code == .noResults {
      try context.ledger.recordSuccess(run.id, failure: error.message)
      throw PipelineError(
        .resultsGone, stage: .wait, error.message, remedy: .either(error.remedy, or: .orderAgain), jobID: job,
        runID: run.id,
        underlying: error)
    }
    guard let final else { throw PipelineError(unexpected: "job \(job) was not looked at") }
    if run.cost == nil, let cost = final.billing?.cuCost { try context.ledger.recordCost(run.id, cost.description) }
    return final
  }
}
