internal import Digests
internal import Foundation
internal import ScenarioAPI

/// Jobs that this machine's ledger does not know: of another machine, or of a ledger that was lost.
extension Img2ImgPipeline {
  /// Claims the run of a job. A job that the ledger does not know is read from the service, and becomes a run of its own.
  func claim(_ job: JobID, account: Account) async throws -> LedgerClaim {
    do throws(PipelineError) {
      let known = try ledger.entry(job: job)
      try checkAddress(known)
      return try ledger.claim(known.id)
    } catch {
      guard error.code == .unknownJob else { throw error }
    }
    let found: Job
    do {
      found = try await client.job(job)
    } catch let refusal as ScenarioError where refusal.code == .notFound {
      throw PipelineError(
        .unknownJob, stage: .wait, "neither the ledger nor the service knows job \(job)",
        remedy: .either("check the id, the project and the key", or: .listJobs), jobID: job, underlying: refusal)
    }
    if let owner = try await owner(of: found) {
      do {
        let claim = try ledger.claim(owner.id)
        defer { withExtendedLifetime(claim) {} }
        if claim.entry.mayHaveJob {
          try ledger.recordSubmission(owner.id, job: job, cost: found.billing?.cuCost?.description)
        }
      }
      // The job is on record now, either with this run or with another run that found the job meanwhile.
      return try await self.claim(job, account: account)
    }
    return try ledger.adopt(
      job, try intent(of: found, account: account), cost: found.billing?.cuCost?.description)
  }

  /// The run of this machine that started a job, as the evidence in the job shows; nil if it is certain that no run of this machine started
  /// it.
  ///
  /// - Throws: A ``PipelineError`` with the code `needs-decision` if a run may have started the job, but this is not certain.
  private func owner(of job: Job) async throws -> LedgerEntry? {
    let claimants = try await ReconcileStep(context: context(JobPolling()) { _ in }).claimants(of: job)
    let likely = claimants.filter { $0.evidence == .positive }.map(\.run)
    // If a run has several candidates, a person decides.
    if likely.count == 1, likely[0].candidates.allSatisfy({ $0 == job.id }) { return likely[0] }
    guard let run = likely.first ?? claimants.first?.run else { return nil }
    // The job becomes a candidate of each of these runs, so that no order of theirs is paid for again before the decision.
    for (run, _) in claimants where !run.candidates.contains(job.id) {
      try ledger.recordNames(run.id, run.namedIDs + [job.id.rawValue])
    }
    throw PipelineError(
      .needsDecision, stage: .wait,
      "job \(job.id) may be the job of run \(run.id), whose \(run.submittedAt == nil ? "dry run" : "submit") had no usable reply",
      remedy: .decide(run: run.id), jobID: job.id, runID: run.id)
  }

  /// The intent of a run whose job was submitted elsewhere, as far as the job repeats it.
  private func intent(of job: Job, account: Account) throws -> LedgerIntent {
    func text(_ name: String) -> String? {
      switch job.input?[name] {
      case .string(let text): text
      case .number(let number): String(Int64(exactly: number).map(String.init) ?? "\(number)")
      default: nil
      }
    }
    // The seed and the id of the job become parts of file names.
    func named(_ text: String) -> String { text.replacing("/", with: "_").replacing("\0", with: "_") }
    let seed = named(text("seed") ?? "")
    let known = Set(GenerationField.all.flatMap { [$0.name, $0.customName] })
    let settings = (job.input ?? [:]).filter { known.contains($0.key) && $0.key != "seed" }
    return try LedgerIntent(
      key: ContentDigest.sha256(of: [UInt8]("job \(job.id) \(account.service)".utf8)), account: account.id,
      baseURL: account.service,
      projectID: client.configuration.projectID, source: "job \(job.id)", sourceSHA256: nil, preparedSHA256: nil,
      preparedPath: nil, geometry: nil, model: text("modelId") ?? "", prompt: text("prompt") ?? "",
      parameters: try JSONText.line(settings), seed: seed, folder: ".".absolutePath,
      nameTemplate: seed.isEmpty ? "{stem}-{index}" : Img2ImgOrder.defaultNameTemplate,
      stem: named(job.id.rawValue))
  }
}
