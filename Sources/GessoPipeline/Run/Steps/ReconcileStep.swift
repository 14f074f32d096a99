internal import Foundation
internal import ScenarioAPI

/// Finds out what became of a submit whose reply was not read. The service has no idempotency key, so the only way is to look
/// through the account's jobs for one that belongs to no other run and repeats the request.
struct ReconcileStep: Sendable {
  /// Seconds by which this machine's clock may be ahead of the service's.
  private static let clockSkew = 60.0
  /// The number of times that the list is read before the step concludes that there is no job: the service may still be working
  /// on a request whose connection broke, and a new job may be listed late (ASSUMED).
  private static let looks = 3

  /// Whether one job is the job of the submit.
  private enum Verdict {
    case fits, differs
    /// Undecided, for good if `isFinal`: the job repeats nothing of its request and has no results to compare.
    case unclear(isFinal: Bool)
  }

  let context: RunContext

  /// Finds the job that the submit of a run became, and puts it on record.
  ///
  /// A job is adopted when it is the only one that no run has claimed and that agrees with everything that was sent. A job that
  /// does not repeat its request is compared by its first result, which the step may have to wait for.
  ///
  /// - Parameters:
  ///   - request: The request that was sent.
  ///   - entry: The run.
  ///   - named: Jobs that an unreadable reply to the submit names. They are the first candidates.
  /// - Returns: The adopted job.
  /// - Throws: A ``PipelineError`` with the code `needs-decision` when no job or several jobs fit; the run is then on record
  ///   with that state. A `ScenarioError` when the service cannot be asked.
  func run(_ request: Img2ImgRequest, _ entry: LedgerEntry, named: [JobID]) async throws -> JobID {
    context.report(.reconciling)
    let (client, ledger, polling) = (context.client, context.ledger, context.polling)
    let sent = try JSONDecoder().decode([String: JSONValue].self, from: try JSONEncoder().encode(request))
    var (known, waited, pause) = ([JobID: Verdict](), Duration.zero, polling.initialInterval)
    var look = 0
    while true {
      look += 1
      let jobs = try await client.jobs(createdAfter: (entry.submittedAt ?? 0) - Self.clockSkew)
      // Read after the jobs, so that a job which another run has claimed since counts as claimed.
      let claimed = try ledger.claimedJobs(baseURL: entry.intent.baseURL)
      var (fitting, unclear, isPending) = ([Job](), [Job](), false)
      for job in jobs where !claimed.contains(job.id) {
        let verdict: Verdict
        if let earlier = known[job.id] { verdict = earlier } else { verdict = try await judge(job, sent) }
        switch verdict {
        case .fits: fitting.append(job)
        case .differs: break
        case .unclear(let isFinal):
          unclear.append(job)
          if !isFinal { isPending = true }
          continue
        }
        known[job.id] = verdict
      }
      if fitting.count == 1, try !ledger.hasRival(entry) {
        try ledger.recordSubmission(
          entry.id, job: fitting[0].id, cost: fitting[0].billing?.cuCost?.description)
        return fitting[0].id
      }
      let isSettled = fitting.isEmpty ? look >= Self.looks && !isPending : true
      if isSettled || waited >= polling.deadline {
        let listed = (fitting.isEmpty ? unclear : fitting).map(\.id)
        throw try park(entry, named.filter { !claimed.contains($0) && !listed.contains($0) } + listed)
      }
      try await client.sleep(pause, stage: .submit)
      waited += pause
      pause = min(pause * 2, polling.longestInterval)
    }
  }

  private func judge(_ job: Job, _ sent: [String: JSONValue]) async throws -> Verdict {
    if let input = job.input, input["prompt"] != nil, Self.imageKeys.contains(where: { input[$0] != nil }) {
      let agrees = sent.allSatisfy { key, value in
        guard let given = input[key] else { return true }
        return value.means(given)
      }
      // A job of another endpoint has an image that this request does not have.
      let hasMore = Self.secondKeys.contains { input[$0] != nil && input[$0] != .null && sent[$0] == nil }
      return agrees && !hasMore ? .fits : .differs
    }
    guard job.status == .success, let first = job.assetIDs.first else { return .unclear(isFinal: job.status.isFinal) }
    let result: Asset
    do {
      result = try await context.client.asset(first)
    } catch let error as ScenarioError {
      // A result that cannot be read leaves this job undecided and does not end the search among the others.
      let isOfThisAsset = (error.outcome == .refused && !error.isRetryable) || error.code == .malformedReply
      guard isOfThisAsset, error.code != .credentialsRefused else { throw error }
      return .unclear(isFinal: true)
    }
    guard let prompt = result.prompt, let parent = result.parentID else { return .unclear(isFinal: true) }
    guard sent["prompt"] == .string(prompt), (sent["image"] ?? sent["controlImageId"]) == .string(parent.rawValue)
    else { return .differs }
    // Only the first of several results needs to have the seed that was sent (ASSUMED).
    guard let seed = result.seed, let wanted = sent["seed"] else { return .unclear(isFinal: true) }
    return wanted.means(.string(seed)) ? .fits : .differs
  }

  private static let imageKeys = ["image", "imageId", "imageUrl", "controlImageId"]
  private static let secondKeys = ["maskId", "controlImageId", "modality"]

  private func park(_ entry: LedgerEntry, _ candidates: [JobID]) throws(PipelineError) -> PipelineError {
    let names = candidates.prefix(10).map(\.rawValue).joined(separator: ", ")
    let found =
      candidates.isEmpty ? "no job of this account fits it" : "it may be one of \(candidates.count): \(names)"
    var reason = "nobody can tell whether the submit of run \(entry.id) started a job (\(found))"
    // The candidates of an earlier search stay on record when this one finds none.
    if candidates.isEmpty, entry.state == .needsDecision, let earlier = entry.failure { reason = earlier }
    try context.ledger.recordNeedsDecision(entry.id, reason: reason)
    var error = PipelineError(
      .needsDecision, stage: .submit, reason,
      remedy: .decide(run: entry.id), runID: entry.id)
    error.candidates = candidates
    return error
  }
}
