internal import Foundation

extension ScenarioClient {
  /// Reads the first page of the account's jobs that were made after a moment: a small sample of how the service writes them.
  ///
  /// - Parameter createdAfter: Seconds since 1970, UTC.
  /// - Returns: At most 20 jobs, newest first.
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait`, after the retries.
  @concurrent package func latestJobs(createdAfter: Double) async throws -> [Job] {
    try await verb { () throws(ScenarioError) in
      let date = Date(timeIntervalSince1970: createdAfter).formatted(
        Date.ISO8601FormatStyle(includingFractionalSeconds: true))
      let request = try apiRequest(
        .get, ["jobs"], query: [(name: "createdAfter", value: date), (name: "pageSize", value: "20")], stage: .wait)
      return try await reply(JobPage.self, to: request, as: .read).jobs
    }
  }

  /// Asks for no assets at all: an answer shows that several results can be read with one request.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `download`, after the retries.
  @concurrent package func bulkRead() async throws {
    try await verb { () throws(ScenarioError) in
      var request = try apiRequest(.post, ["assets", "get-bulk"], stage: .download)
      request.fields.append(HTTPField("Content-Type", "application/json"))
      request.body = .bytes(try Self.json(["assetIds": [String]()], stage: .download))
      request.isRepeatable = true
      _ = try await reply(AssetsReply.self, to: request, as: .read)
    }
  }
}
