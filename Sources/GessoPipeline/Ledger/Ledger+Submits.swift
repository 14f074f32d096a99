package import Foundation
internal import GRDB
package import Ground
internal import ScenarioAPI

/// The record of submits and of dry runs: the requests that may start a job.
extension Ledger {
  /// The request of a submit, and its limits of cost.
  package struct Submit: Sendable {
    /// The account that pays for this attempt, ``Account/id``. An earlier attempt may have used another key.
    package var account: String
    /// The model.
    package var model: String
    /// All other settings, as JSON.
    package var parameters: String
    /// The price in creative units, if the service was asked.
    package var price: Decimal?
    /// The limits that the job must keep.
    package var limits: [SpendingLimit]

    package init(
      account: String, model: String, parameters: String, price: Decimal? = nil, limits: [SpendingLimit] = []
    ) {
      self.account = account
      self.model = model
      self.parameters = parameters
      self.price = price
      self.limits = limits
    }
  }

  // MARK: Before the request

  /// Records that a dry run is about to be sent, because a service that ignores the flag starts a job.
  package func recordDryRun(
    _ id: Int64, _ submit: Submit, now: Double = Date.now.timeIntervalSince1970
  ) throws(PipelineError) {
    try update(
      id, step: "dry-run",
      [
        "account": submit.account, "model": submit.model, "parameters": submit.parameters,
        "dryRunAt": now,
      ])
  }

  /// Records that the submit is about to be sent.
  ///
  /// The limits are checked in the same transaction, so that two simultaneous runs cannot exceed a limit together.
  ///
  /// - Parameters:
  ///   - id: The run.
  ///   - submit: The request, and its limits of cost.
  ///   - now: The present time, in seconds since 1970.
  /// - Throws: A ``PipelineError`` with the code `too-expensive` when a sum would exceed its limit; nothing is recorded.
  package func recordSubmitting(
    _ id: Int64, _ submit: Submit, now: Double = Date.now.timeIntervalSince1970
  ) throws(PipelineError) {
    try write(LedgerEntry.State.submitting.rawValue) { database in
      for limit in submit.limits { try check(limit, id, submit, now, in: database) }
      var columns: [String: (any DatabaseValueConvertible)?] = [
        "state": LedgerEntry.State.submitting.rawValue, "updatedAt": Self.now, "submittedAt": now,
        "account": submit.account, "model": submit.model, "parameters": submit.parameters, "named": "",
      ]
      // If there is no new price, the price of an earlier dry run is kept.
      if let price = submit.price { columns["price"] = "\(price)" }
      try Self.update(id, columns, in: database)
    }
  }

  /// Checks that the price of a job and the earlier spending together stay within a limit.
  ///
  /// A job counts at its cost. A submit or dry run of unknown outcome counts at its price, even if it was dropped, because it may have
  /// started a job. If neither its cost nor its price is on record, it counts at the price of the present job. A failed job counts too,
  /// although the service usually refunds it. A dry run in progress does not count: if it starts a job, its process records that job.
  private func check(
    _ limit: SpendingLimit, _ id: Int64, _ submit: Submit, _ now: Double, in database: Database
  ) throws {
    let price = submit.price ?? 0
    let others = try spending(limit.scope, account: submit.account, by: id, now, in: database)
    let spent = others.sum + price * Decimal(others.unknown)
    if spent + price > limit.amount { throw limit.exceeded(by: price, after: spent, run: id) }
  }

  /// The cost of the jobs of a scope, and the number of those without a cost or price on record. The caller has claimed `run`.
  private func spending(
    _ scope: SpendingLimit.Scope, account: String, by run: Int64? = nil, _ now: Double, in database: Database
  ) throws -> (sum: Decimal, unknown: Int) {
    let (condition, arguments) = try scope.rows(account: account, now: now)
    var spending = (sum: Decimal.zero, unknown: 0)
    for row in try Row.fetchAll(
      database,
      sql: "SELECT id, cost, price, submittedAt IS NULL AS wasOnlyDryRun FROM run WHERE \(condition)",
      arguments: arguments)
    {
      let id: Int64 = try row.value(of: "id")
      if try row.value(of: "wasOnlyDryRun"), id != run, try isClaimed(id) { continue }
      let text: String? = try row.value(ifIn: "cost") ?? row.value(ifIn: "price")
      if let amount = text.flatMap({ Decimal(string: $0) }) {
        spending.sum += amount
      } else {
        spending.unknown += 1
      }
    }
    return spending
  }

  /// The cost of the account's jobs of the day (UTC), as the limit of a day counts them.
  ///
  /// - Returns: The sum in creative units, and the number of jobs with neither cost nor price on record. Each of these
  ///   counts at the price of the job that is submitted next.
  package func spendingOfDay(
    _ account: Account, now: Double = Date.now.timeIntervalSince1970
  ) throws(PipelineError) -> (sum: Decimal, unknown: Int) {
    try read { try spending(.day, account: account.id, now, in: $0) }
  }

  // MARK: After the reply

  /// Records that the dry run started no job, and the price if the reply contained one.
  package func recordNoDryRunJob(_ id: Int64, price: Decimal? = nil) throws(PipelineError) {
    var columns: [String: (any DatabaseValueConvertible)?] = ["dryRunAt": nil]
    if let price { columns["price"] = "\(price)" }
    try update(id, step: "no-dry-run-job", columns)
  }

  /// Records the job that the service accepted, or that was found for the run. If no submit is on record, the service
  /// treated a dry run as a submit and started the job.
  package func recordSubmission(_ id: Int64, job: JobID, cost: String?) throws(PipelineError) {
    let entry = try entry(run: id)
    try update(
      id, to: .submitted,
      [
        "jobID": job.rawValue, "cost": cost, "failure": nil, "dryRunAt": nil, "isOrdered": true, "named": "",
        "submittedAt": entry.submittedAt ?? entry.dryRunAt,
        "wasDryRun": entry.submittedAt == nil && entry.dryRunAt != nil,
      ])
  }

  /// Records ids of jobs and assets: those in an unreadable reply to a submit, or those that a person gave.
  package func recordNames(_ id: Int64, _ names: [String]) throws(PipelineError) {
    try update(id, step: "names", ["named": names.joined(separator: " ")])
  }

  /// Records that the job of the submit, if there is one, could not be found.
  package func recordNeedsDecision(_ id: Int64, reason: String, candidates: [String]) throws(PipelineError) {
    try update(
      id, to: .needsDecision, ["failure": reason, "named": candidates.joined(separator: " "), "isOrdered": true])
  }

  /// Records that the run is given up, although its submit or dry run may have started a job: the order gets a new attempt.
  package func recordDropped(_ id: Int64, reason: String) throws(PipelineError) {
    let entry = try entry(run: id)
    try update(
      id, to: .failed,
      ["failure": reason, "isOrdered": true, "dryRunAt": nil, "submittedAt": entry.submittedAt ?? entry.dryRunAt])
  }

  /// Records that the submit, or the dry run, started no job.
  package func recordNotSubmitted(_ id: Int64) throws(PipelineError) {
    try update(id, to: .uploaded, ["failure": nil, "named": "", "dryRunAt": nil, "submittedAt": nil])
  }

  /// Records a job that no run of this machine started, as the job of a new run.
  ///
  /// - Returns: The run, reserved for the caller.
  package func adopt(_ job: JobID, _ intent: LedgerIntent, cost: String?) throws(PipelineError) -> LedgerClaim {
    try claim(
      try write(LedgerEntry.State.submitted.rawValue) { database in
        let run = try Self.insert(intent, attempt: 0, true, in: database)
        try Self.update(
          run, ["state": LedgerEntry.State.submitted.rawValue, "jobID": job.rawValue, "cost": cost], in: database)
        return run
      })
  }

  // MARK: Reading

  /// The jobs of this service that belong to a run.
  package func claimedJobs(baseURL: String) throws(PipelineError) -> Set<JobID> {
    try read { database in
      Set(
        try String.fetchAll(
          database, sql: "SELECT jobID FROM run WHERE baseURL = ? AND jobID IS NOT NULL", arguments: [baseURL]
        ).map(JobID.init(rawValue:)))
    }
  }

  /// The account's runs with a dry run of today (UTC) that may have started a job, without those that need a decision.
  package func openDryRuns(account: Account, now: Double = Date.now.timeIntervalSince1970) throws(PipelineError)
    -> [LedgerEntry]
  {
    try entries(
      "WHERE account = ? AND dryRunAt >= ? AND submittedAt IS NULL AND state <> 'needs-decision' ORDER BY id",
      [account.id, SpendingLimit.day(of: now).lowerBound])
  }

  /// The runs of this service that may have started a job which is not on record (``LedgerEntry/mayHaveJob``).
  package func openRequests(baseURL: String) throws(PipelineError) -> [LedgerEntry] {
    try entries(
      """
      WHERE baseURL = ? AND jobID IS NULL AND (submittedAt IS NOT NULL OR dryRunAt IS NOT NULL) ORDER BY id
      """, [baseURL]
    ).filter(\.mayHaveJob)
  }

  /// The latest run of the same service, image, prompt and model that another account has submitted; nil for a source whose bytes are
  /// not known. A nil `seed` matches any seed.
  package func runOfAnotherAccount(like intent: LedgerIntent, models: [String], seed: String?) throws(PipelineError)
    -> LedgerEntry?
  {
    guard let sourceSHA256 = intent.sourceSHA256 else { return nil }
    return try entries(
      """
      WHERE baseURL = ?1 AND account <> ?2 AND sourceSHA256 = ?3 AND prompt = ?4 AND (?5 IS NULL OR seed = ?5)
        AND state NOT IN ('planned', 'prepared', 'uploaded', 'failed') ORDER BY id DESC
      """,
      [intent.baseURL, intent.account, sourceSHA256, intent.prompt, seed]
    ).first { models.contains($0.intent.model) }
  }
}
