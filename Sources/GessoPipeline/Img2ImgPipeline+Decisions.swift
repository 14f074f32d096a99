internal import Foundation
internal import Ground
public import ScenarioAPI

/// Decisions of the user about runs and jobs.
extension Img2ImgPipeline {
  /// Asks the service to cancel a job that this machine's ledger knows, and reads the job until it has ended.
  ///
  /// - Returns: The job in its final state: canceled, or ended before it could be canceled.
  /// - Throws: A `ScenarioError`, with the code `rejected` for jobs that cannot be canceled, a ``PipelineError`` or
  ///   `CancellationError`.
  @concurrent
  public func cancel(_ job: JobID, polling: JobPolling = JobPolling()) async throws -> Job {
    try await throwingPublicErrors {
      let entry = try ledger.entry(job: job)
      try checkAddress(entry)
      _ = try await client.cancel(job)
      // The reply does not prove that the job was canceled (contract, section 8).
      let ended = try await client.finishedJob(job, polling: polling)
      if ended.status == .canceled { try ledger.recordFailure(entry.id, reason: "job \(job) was canceled") }
      return ended
    }
  }

  /// A decision about a run that needs one.
  public enum Decision: Sendable, Equatable {
    /// The submit started this job.
    case adopt(JobID)
    /// The submit started no job; the same order submits again.
    case resubmit
    /// The run is abandoned; its job, if there is one, is not looked for.
    case drop
  }

  /// Carries out a decision about a run whose submit, or dry run, had no usable reply.
  ///
  /// If a job shows evidence for another run that waits for its job, and no evidence for this run, the job is not adopted.
  ///
  /// - Parameters:
  ///   - run: The ledger's number of the run.
  ///   - decision: The decision.
  /// - Returns: The run after the decision. An adopted job is followed with
  ///   ``resume(_:folder:nameTemplate:replacesResults:polling:)``.
  /// - Throws: A ``PipelineError``: `unknown-job`, `other-service`, `run-in-progress`, `invalid-order` for a run that needs no
  ///   decision or a job that belongs to another run; or a `ScenarioError` when the service does not know the job.
  @concurrent
  @discardableResult
  public func resolve(_ run: Int64, _ decision: Decision) async throws -> LedgerEntry {
    try await throwingPublicErrors {
      let entry = try ledger.entry(run: run)
      try checkAddress(entry)
      let claim = try ledger.claim(run)
      defer { withExtendedLifetime(claim) {} }
      guard claim.entry.mayHaveJob else {
        throw PipelineError(
          .invalidOrder, stage: .submit, "run \(run) is \(claim.entry.state.rawValue), and waits for no decision",
          remedy: .listJobs, runID: run)
      }
      switch decision {
      case .adopt(let id):
        let job = try await client.job(id)
        guard try !ledger.claimedJobs(baseURL: entry.intent.baseURL).contains(id) else {
          throw PipelineError(
            .invalidOrder, stage: .submit, "job \(id) belongs to another run", remedy: .listJobs, jobID: id
          )
        }
        let claimants = try await ReconcileStep(context: context(JobPolling()) { _ in }).claimants(of: job)
        let isLikely = claimants.contains { $0.run.id == run && $0.evidence == .positive }
        if !isLikely, let other = claimants.first(where: { $0.run.id != run && $0.evidence == .positive })?.run {
          throw PipelineError(
            .invalidOrder, stage: .submit,
            "job \(id) was made for run \(other.id), as what it repeats of its request shows",
            remedy: .decide(run: other.id), jobID: id, runID: run)
        }
        try ledger.recordSubmission(run, job: id, cost: job.billing?.cuCost?.description)
      case .resubmit: try ledger.recordNotSubmitted(run)
      case .drop: try ledger.recordDropped(run, reason: "dropped; it is not known whether its submit started a job")
      }
      return try ledger.entry(run: run)
    }
  }

  /// Checks that a job is requested only at the address that it was submitted to, with the credentials of that address.
  func checkAddress(_ entry: LedgerEntry) throws(PipelineError) {
    let service = try client.configuration
    guard entry.intent.baseURL == service.serviceIdentity else {
      throw PipelineError(
        .otherService, stage: .wait,
        "\(entry.jobID.map { "job \($0)" } ?? "run \(entry.id)") belongs to \(entry.intent.baseURL), and the client talks "
          + "to \(service.baseURL)",
        remedy: "use the address and the credentials it was started with", jobID: entry.jobID, runID: entry.id)
    }
  }

  private func throwingPublicErrors<Result>(_ work: () async throws -> Result) async throws -> Result {
    do {
      return try await work()
    } catch {
      throw publicError(error)
    }
  }
}
