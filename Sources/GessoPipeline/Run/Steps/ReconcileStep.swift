internal import Foundation
internal import ScenarioAPI

/// Finds the outcome of a submit whose reply was not read. The service has no idempotency key, so the only way is to look
/// through the account's jobs for one that belongs to no other run and shows evidence of the request.
struct ReconcileStep: Sendable {
  /// The number of times that the list is read before the step concludes that there is no job. One read is not enough: the service may
  /// still be working on a request whose connection broke, and a new job may be listed late (ASSUMED).
  private static let looks = 3

  let context: RunContext

  /// Finds the job that the submit of a run started, and puts it on record.
  ///
  /// A job is adopted if it is the only job that has positive evidence and that no run has claimed. If a job does not repeat its image, the
  /// step compares the job's first result, and may have to wait for it.
  ///
  /// - Returns: The adopted job.
  /// - Throws: A ``PipelineError`` with the code `needs-decision` when no job or several jobs fit; the run is then on record
  ///   with that state. A `ScenarioError` when the service cannot be asked.
  func run(_ entry: LedgerEntry) async throws -> JobID {
    context.report(.reconciling)
    switch try await search(entry, looks: Self.looks) {
    case .adopt(let job):
      try context.ledger.recordSubmission(entry.id, job: job.id, cost: job.billing?.cuCost?.description)
      return job.id
    case .undecided(let jobs, let others):
      throw try park(entry, jobs.map(\.id), others: others)
    }
  }

  /// If the service ignored the flag for a dry run and started a job, finds that job and puts it on record.
  ///
  /// - Parameters:
  ///   - entry: The run.
  ///   - hasReply: True after a reply without a price, which makes it likely that the dry run started a job; false if an earlier process
  ///     ended before a reply.
  /// - Returns: The job; nil when there is none.
  /// - Throws: The errors of ``run(_:)``, after a reply without a price.
  func jobOfDryRun(_ entry: LedgerEntry, hasReply: Bool) async throws -> JobID? {
    context.report(.reconciling)
    return try record(try await search(entry, looks: hasReply ? Self.looks : 1), ofDryRun: entry, hasReply: hasReply)
  }

  /// Finds and records the job of a dry run without a reply, for a run that no process has claimed. The run is claimed only while the
  /// finding is recorded, so that its order can be given again during the search.
  func settleDryRun(of entry: LedgerEntry) async throws {
    let found = try await search(entry, looks: 1)
    do throws(PipelineError) {
      let claim = try context.ledger.claim(entry.id)
      defer { withExtendedLifetime(claim) {} }
      guard claim.entry.dryRunAt == entry.dryRunAt else { return }
      _ = try record(found, ofDryRun: claim.entry, hasReply: false)
    } catch {
      // A run that needs a decision is on record as such, and counts for the limit of the day.
      guard [.runInProgress, .needsDecision].contains(error.code) else { throw error }
    }
  }

  /// Puts the finding about the job of a dry run on record, and returns the job if there is one.
  private func record(
    _ found: Reconciliation<Job>, ofDryRun entry: LedgerEntry, hasReply: Bool
  ) throws(PipelineError) -> JobID? {
    switch found {
    case .adopt(let job):
      try context.ledger.recordSubmission(entry.id, job: job.id, cost: job.billing?.cuCost?.description)
      return job.id
    case .undecided(let jobs, let others):
      guard !jobs.isEmpty || !entry.candidates.isEmpty else {
        try context.ledger.recordNoDryRunJob(entry.id)
        return nil
      }
      // The dry run may have started one of these jobs. If it had no reply, and neither a reply nor a person has named a job, the order
      // continues all the same, and the limit of the day still counts the dry run.
      guard hasReply || !entry.candidates.isEmpty else { return nil }
      throw try park(entry, jobs.map(\.id), others: others)
    }
  }

  /// The runs that may have started a job, with the evidence that the job shows for each. A job belongs to one run. If
  /// it were recorded for another run, or for none, its own order would not find it and would be paid for again.
  func claimants(of job: Job) async throws -> [(run: LedgerEntry, evidence: JobEvidence)] {
    var claimants: [(run: LedgerEntry, evidence: JobEvidence)] = []
    for run in try context.ledger.openRequests(baseURL: context.account.service) {
      let isNamed = run.candidates.contains(job.id)
      guard isNamed || window(of: run).contains(job) else { continue }
      let evidence = try await finding(job, try SubmittedRequest(run)).evidence
      if isNamed || evidence != .against { claimants.append((run, evidence)) }
    }
    return claimants
  }

  private func window(of run: LedgerEntry) -> SubmitWindow {
    SubmitWindow(submittedAt: run.lastRequestAt, clockOffset: context.clockOffset)
  }

  /// A job with its evidence, and its first result if the evidence needed it.
  private struct Finding {
    var job: Job
    var result: Asset?
    var evidence: JobEvidence
    /// False while more evidence about the job may appear later.
    var isFinal: Bool
  }

  /// Looks through the jobs that were made around the time of the run's last request that may have started one.
  private func search(_ entry: LedgerEntry, looks: Int) async throws -> Reconciliation<Job> {
    let sent = try SubmittedRequest(entry)
    let polling = context.polling
    var (known, waited, pause) = ([JobID: Finding](), Duration.zero, polling.initialInterval)
    var look = 0
    while true {
      let offset = context.clockOffset
      let window = SubmitWindow(submittedAt: entry.lastRequestAt, clockOffset: offset)
      let listed = try await context.jobList.jobs(createdAfter: window.earliest) {
        try await context.client.jobs(createdAfter: $0)
      }
      // The first reply gives the service's time, from which the window is computed.
      if offset == nil, context.clockOffset != nil { continue }
      look += 1
      // The claims are read after the jobs, so that a job which another run has claimed since counts as claimed.
      let claimed = try context.ledger.claimedJobs(baseURL: entry.intent.baseURL)
      var findings: [Finding] = []
      for job in listed where !claimed.contains(job.id) && Self.isGeneration(job) && window.contains(job) {
        let finding = if let earlier = known[job.id] { earlier } else { try await self.finding(job, sent) }
        if finding.isFinal { known[job.id] = finding }
        findings.append(finding)
      }
      let likely = findings.filter { $0.evidence == .positive }
      let hasRival = likely.count == 1 ? try self.hasRival(for: likely[0], entry) : false
      let found = Reconciliation(findings.map { ($0.job, $0.evidence) }, hasRival: hasRival)
      guard case .undecided = found, waited < polling.deadline else { return found }
      // If there is a rival, it is worth waiting, because the rival may find its own job. If two jobs are likely, waiting does not help.
      let isSettled = !likely.isEmpty && !hasRival
      let isPending = findings.contains { !$0.isFinal }
      guard !isSettled, isPending || look < looks else { return found }
      try await context.client.sleep(pause, stage: .submit)
      waited += pause
      pause = min(pause * 2, polling.longestInterval)
    }
  }

  /// True when the job shows the same evidence for another run that waits for its job, such as a run of the same image.
  private func hasRival(for finding: Finding, _ entry: LedgerEntry) throws -> Bool {
    try context.ledger.openRequests(baseURL: entry.intent.baseURL).contains { other in
      try other.id != entry.id && window(of: other).contains(finding.job)
        && SubmittedRequest(other).evidence(of: finding.job, result: finding.result) == .positive
    }
  }

  /// False for jobs that make no images. No other kinds are distinguished (contract, section 8).
  private static func isGeneration(_ job: Job) -> Bool {
    guard let type = job.type else { return true }
    return !["upload", "assets-download"].contains(type)
  }

  private func finding(_ job: Job, _ sent: SubmittedRequest) async throws -> Finding {
    let evidence = sent.evidence(of: job)
    var finding = Finding(job: job, result: nil, evidence: evidence, isFinal: true)
    guard sent.needsResult(of: job) else { return finding }
    guard job.status == .success, let first = job.assetIDs.first else {
      finding.isFinal = job.status.isFinal
      return finding
    }
    do {
      let result = try await context.client.asset(first)
      (finding.result, finding.evidence) = (result, sent.evidence(of: job, result: result))
    } catch let error as ScenarioError {
      // A result that cannot be read leaves this job undecided and does not end the search among the others.
      let isOfThisAsset = (error.outcome == .refused && !error.isRetryable) || error.code == .malformedReply
      guard isOfThisAsset, error.code != .credentialsRefused else { throw error }
    }
    return finding
  }

  private func park(
    _ entry: LedgerEntry, _ found: [JobID], others: Int
  ) throws(PipelineError) -> PipelineError {
    let claimed = try context.ledger.claimedJobs(baseURL: entry.intent.baseURL)
    // The jobs of an unreadable reply, and those of an earlier search, stay candidates.
    let candidates = entry.candidates.filter { !claimed.contains($0) && !found.contains($0) } + found
    let names = candidates.prefix(10).map(\.rawValue).joined(separator: ", ")
    let words =
      if !candidates.isEmpty {
        "it may be one of \(candidates.count): \(names)"
      } else if others > 0 {
        "the jobs that the account made at that time, \(others) in number, are of another model or image"
      } else {
        "no job of this account fits it"
      }
    let reason = "it is not known whether the submit of run \(entry.id) started a job (\(words))"
    let assets = entry.namedIDs.filter { $0.hasPrefix("asset_") }
    try context.ledger.recordNeedsDecision(entry.id, reason: reason, candidates: candidates.map(\.rawValue) + assets)
    var error = PipelineError(
      .needsDecision, stage: .submit, reason, remedy: .decide(run: entry.id), runID: entry.id)
    error.candidates = candidates
    return error
  }
}
