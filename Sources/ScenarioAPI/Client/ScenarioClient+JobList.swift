internal import Foundation

extension ScenarioClient {
  /// Reads the account's jobs that were made after a moment, newest first, over all pages.
  ///
  /// - Parameters:
  ///   - createdAfter: Seconds since 1970, UTC.
  ///   - limit: More jobs than this are an error, so that a busy account cannot fill the memory.
  /// - Returns: The jobs; none twice.
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait`, after the retries; `response-too-large` above `limit`.
  @concurrent public func jobs(createdAfter: Double, limit: Int = 20_000) async throws -> [Job] {
    try await verb { () throws(ScenarioError) in try await listedJobs(createdAfter: createdAfter, limit: limit) }
  }

  private func listedJobs(createdAfter: Double, limit: Int) async throws(ScenarioError) -> [Job] {
    let date = Date(timeIntervalSince1970: createdAfter).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    var jobs: [Job] = []
    var seen = Set<JobID>()
    var token: String?
    repeat {
      // Pages may be short or empty while there are more: only the token tells (contract, section 8).
      var query = [(name: "createdAfter", value: date), (name: "pageSize", value: "100")]
      if let token { query.append((name: "paginationToken", value: token)) }
      let request = try apiRequest(.get, ["jobs"], query: query, stage: .wait)
      let page = try await reply(JobPage.self, to: request, as: .read)
      jobs += page.jobs.filter { seen.insert($0.id).inserted }
      guard jobs.count <= limit else {
        throw ScenarioError(
          .responseTooLarge, .unusable, stage: .wait, "the account made more than \(limit) jobs in this time",
          remedy: "look for the job in the service's own pages")
      }
      guard page.nextPaginationToken != token else { break }
      token = page.nextPaginationToken
    } while token != nil
    return jobs
  }
}
