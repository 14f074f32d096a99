internal import Digests
internal import Foundation
internal import ScenarioAPI

/// Jobs that this machine's ledger does not know: of another machine, or of a ledger that was lost.
extension Img2ImgPipeline {
  /// Claims the run of a job. A job that the ledger does not know is asked for at the service, and becomes a run of its own.
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
    try checkIsNoLostSubmit(found)
    return try ledger.adopt(
      job, try intent(of: found, account: account), cost: found.billing?.cuCost?.description)
  }

  /// Checks that a job is not the one that a run of this machine waits for: as a run of its own it would be hidden from that run,
  /// which would then be submitted again.
  private func checkIsNoLostSubmit(_ job: Job) throws {
    for entry in try ledger.openSubmits(baseURL: client.configuration.serviceIdentity) {
      let window = SubmitWindow(submittedAt: entry.submittedAt ?? entry.dryRunAt ?? 0, clockOffset: client.clockOffset)
      let isPossible =
        try window.contains(job) && SubmittedRequest(entry).evidence(of: job) != .against
      guard isPossible || entry.candidates.contains(job.id) else { continue }
      throw PipelineError(
        .needsDecision, stage: .wait,
        "job \(job.id) may be the job of run \(entry.id), whose submit had no usable reply",
        remedy: .decide(run: entry.id), jobID: job.id, runID: entry.id)
    }
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
    // Both are parts of file names.
    func named(_ text: String) -> String { text.replacing("/", with: "_").replacing("\0", with: "_") }
    let seed = named(text("seed") ?? "")
    let known = Set(GenerationField.all.flatMap { [$0.name, $0.customName] })
    let settings = (job.input ?? [:]).filter { known.contains($0.key) && $0.key != "seed" }
    return LedgerIntent(
      key: ContentDigest.sha256(of: [UInt8]("job \(job.id) \(account.service)".utf8)), account: account.id,
      baseURL: account.service,
      projectID: client.configuration.projectID, source: "job \(job.id)", sourceSHA256: nil, preparedSHA256: nil,
      preparedPath: nil, geometry: nil, model: text("modelId") ?? "", prompt: text("prompt") ?? "",
      parameters: try JSONText.line(settings), seed: seed, folder: ".".absolutePath,
      nameTemplate: seed.isEmpty ? "{stem}-{index}" : Img2ImgOrder.defaultNameTemplate,
      stem: named(job.id.rawValue))
  }
}
