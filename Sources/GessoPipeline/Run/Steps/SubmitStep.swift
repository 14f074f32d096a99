internal import Foundation
internal import ScenarioAPI

/// Sends one submit and puts the job on record.
///
/// The run is `submitting` in the ledger only while a reply is outstanding or lost: after a refusal the service has no job of it,
/// and the end of the process then costs nothing.
struct SubmitStep: Sendable {
  let context: RunContext

  /// Makes one attempt.
  ///
  /// - Parameters:
  ///   - request: The request to send.
  ///   - run: The ledger's number of the run.
  ///   - retry: Counts the attempts and decides on the pause after a refusal.
  /// - Returns: `submitted` or `notSubmitted`.
  /// - Throws: `CancellationError` before the submit, or a ``PipelineError`` when the ledger cannot be written.
  func run(
    _ request: Img2ImgRequest, run: Int64, _ retry: inout RetryPolicy
  ) async throws -> RunState.Event {
    try Task.checkCancellation()
    try context.ledger.recordSubmitting(run)
    context.report(.submitting)
    let submission: Submission
    do throws(ScenarioError) {
      submission = try await context.client.submitOnce(request)
    } catch {
      if error.mayHaveStartedJob { return .notSubmitted(error, pause: nil) }
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
    return .submitted(job)
  }
}
