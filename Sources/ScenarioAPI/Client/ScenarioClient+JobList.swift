internal import Foundation

extension ScenarioClient {
  /// Reads the account's jobs that were made after a moment, newest first, over all pages.
  ///
  /// The service is asked for jobs after the moment, by its own clock. Older jobs that it lists all the same are left out. A job without a
  /// time is kept. Reading ends with the last page, with a page whose jobs are all older, and with a page that has nothing new.
  ///
  /// - Parameters:
  ///   - createdAfter: Seconds since 1970, by the service's clock (``clockOffset``).
  ///   - limit: The most jobs. If there are more, an error is thrown, so that the list of a busy account cannot fill the memory.
  /// - Returns: The jobs; none twice.
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait`, after the retries; `response-too-large` above `limit`.
  @concurrent public func jobs(createdAfter: Double, limit: Int = 20_000) async throws -> [Job] {
    try await verb { () throws(ScenarioError) in try await listedJobs(createdAfter: createdAfter, limit: limit) }
  }

  /// The number of consecutive pages without a job after which the list counts as ended. A page may be empty while more follow (contract,
  /// section 8).
  private static let emptyPages = 20

  private func listedJobs(createdAfter: Double, limit: Int) async throws(ScenarioError) -> [Job] {
    var jobs: [Job] = []
    var (seen, tokens) = (Set<JobID>(), Set<String>())
    var emptyPages = 0
    var token: String?
    while true {
      let page = try await page(createdAfter: createdAfter, size: 100, token: token)
      let new = page.jobs.filter { seen.insert($0.id).inserted }
      jobs += new.filter { $0.createdSeconds.map { $0 >= createdAfter } ?? true }
      guard jobs.count <= limit else {
        throw ScenarioError(
          .responseTooLarge, .unusable, stage: .wait, "the account made more than \(limit) jobs in this time",
          remedy: "look for the job in the service's own pages")
      }
      let times = page.jobs.compactMap(\.createdSeconds)
      let isPast = !times.isEmpty && times.allSatisfy { $0 < createdAfter }
      let isRepetition = new.isEmpty && !page.jobs.isEmpty
      emptyPages = page.jobs.isEmpty ? emptyPages + 1 : 0
      guard let next = page.nextPaginationToken, !next.isEmpty, tokens.insert(next).inserted, !isPast, !isRepetition,
        emptyPages < Self.emptyPages
      else { return jobs }
      token = next
    }
  }

  private func page(createdAfter: Double, size: Int, token: String? = nil) async throws(ScenarioError) -> JobPage {
    let date = Date(timeIntervalSince1970: createdAfter).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    var query = [(name: "createdAfter", value: date), (name: "pageSize", value: "\(size)")]
    if let token { query.append((name: "paginationToken", value: token)) }
    return try await reply(JobPage.self, to: try apiRequest(.get, ["jobs"], query: query, stage: .wait), as: .read)
  }

  /// Reads the first page of the account's jobs that were made after a moment: a small sample of how the service writes them.
  ///
  /// - Parameter createdAfter: Seconds since 1970, by the service's clock.
  /// - Returns: At most 20 jobs, newest first.
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait`, after the retries.
  @concurrent package func latestJobs(createdAfter: Double) async throws -> [Job] {
    try await verb { () throws(ScenarioError) in try await page(createdAfter: createdAfter, size: 20).jobs }
  }
}
