import Testing

@testable import ScenarioAPI

/// Replies of the service for scripts.
enum Replies {
  static func asset(
    _ id: String, url: String = "https://cdn.example/f?Signature=PlantedSignature", status: String = "success"
  ) -> String {
    #"{"asset":{"id":"\#(id)","url":"\#(url)","mimeType":"image/png","status":"\#(status)"}}"#
  }
  static func job(_ status: String, assets: String = "") -> String {
    #"{"job":{"jobId":"job_1","status":"\#(status)","progress":0.5,"metadata":{"assetIds":[\#(assets)]}}}"#
  }
  static func lost(_ outcome: ScenarioError.Outcome) -> ScriptedTransport.Step {
    var error = ScenarioError(.connectionLost, outcome, stage: .submit, "lost", remedy: "again")
    error.isRetryable = true
    return .fail(error)
  }
  static let accepted = #"{"job":{"jobId":"job_1","status":"queued","progress":0},"creativeUnitsCost":10}"#
}

/// Runs `body`, and returns the error of the client that it throws; any other error is an issue.
func failure<Value>(_ body: () async throws -> Value) async -> ScenarioError? {
  do {
    _ = try await body()
  } catch let error as ScenarioError {
    return error
  } catch {
    Issue.record(error)
  }
  return nil
}
