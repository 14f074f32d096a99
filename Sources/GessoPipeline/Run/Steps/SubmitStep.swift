internal import Foundation
internal import ScenarioAPI

/// Sends one submit and puts the job on record.
///
/// The run is `submitting` in the ledger only while a reply is outstanding or lost. After a refusal there is no job, so
/// that nothing is lost if the process ends then.
struct SubmitStep: Sendable {
  let context: RunContext
  /// The price from the dry run, if there was one.
  let price: Decimal?
  /// The limits of cost that the job shares with others.
  let limits: [SpendingLimit]

  /// Makes one attempt.
  ///
  /// - Parameters:
  ///   - request: The request to send.
  ///   - entry: The run.
  ///   - retry: Counts the attempts and decides on the pause after a refusal.
  /// - Returns: `submitted` or `notSubmitted`.
  /// - Throws: `CancellationError` before the submit, or a ``PipelineError`` when the ledger cannot be written or a
  ///   limit of cost would be exceeded.
  func run(
    _ request: Img2ImgRequest, _ entry: LedgerEntry, _ retry: inout RetryPolicy
  ) async throws -> RunState.Event {
    if let job = try await PriceStep(context: context).jobOfEarlierDryRun(entry) { return .submitted(job) }
    let run = entry.id
    if limits.contains(where: \.isOfDay) { try await PriceStep(context: context).settleDryRuns(before: run) }
    try Task.checkCancellation()
    try context.ledger.recordSubmitting(
      run, try Ledger.Submit(request, by: context.account, price: price, limits: limits))
    context.report(.submitting)
    let submission: Submission
    do throws(ScenarioError) {
      submission = try await context.client.submitOnce(request)
    } catch {
      if error.mayHaveStartedJob {
        if !error.namedIDs.isEmpty { try context.ledger.recordNames(run, error.namedIDs) }
        return .notSubmitted(error, pause: nil)
      }
      try context.ledger.recordNotSubmitted(run)
      return .notSubmitted(error, pause: context.client.delay(after: error, of: .submit, &retry))
    }
    let job = submission.job.id
    do throws(PipelineError) {
      try context.ledger.recordSubmission(run, job: job, cost: submission.cost?.description)
    } catch {
      throw PipelineError(
        error.code, stage: .submit, "job \(job) was submitted and is paid for, but \(error.message)",
        remedy: .keepJobID(job), jobID: job, runID: run, underlying: error.underlyingError)
    }
    try reportDifferences(submission, run: run)
    return .submitted(job)
  }

  /// Compares the reply with the request as soon as the job is recorded, so that the user can cancel a job with wrong
  /// settings early.
  private func reportDifferences(_ submission: Submission, run: Int64) throws {
    if let cost = submission.cost, let price, cost > price { context.report(.costsMore(cost, than: price)) }
    let sent = try SubmittedRequest(try context.ledger.entry(run: run))
    let names = sent.differences(in: submission.job.echo)
    if !names.isEmpty { context.report(.repeatedOtherwise(names)) }
  }
}
