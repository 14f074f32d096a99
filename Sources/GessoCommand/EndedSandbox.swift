internal import Foundation
internal import GessoPipeline
internal import ScenarioAPI

/// Recognizes sandboxes that have ended, together with their jobs.
enum EndedSandbox {
  /// True for an address that a sandbox of this machine may have.
  static func isLocal(_ baseURL: String) -> Bool {
    guard let url = URL(string: baseURL), url.scheme == "http" else { return false }
    return ["127.0.0.1", "localhost"].contains(url.host() ?? "")
  }

  /// True for an address of this machine where no process listens any more.
  static func isAt(_ baseURL: String) async -> Bool {
    guard isLocal(baseURL) else { return false }
    var request = HTTPRequest(.get, baseURL, stage: .wait)
    request.timeout = .seconds(1)
    do throws(ScenarioError) {
      _ = try await CurlTransport().send(request)
      return false
    } catch {
      return error.code == .unreachable
    }
  }

  /// The error of a run whose sandbox has ended; nil for every other run.
  static func error(_ entry: LedgerEntry) async -> CommandError? {
    guard await isAt(entry.intent.baseURL) else { return nil }
    let name = entry.jobID.map { "job \($0)" } ?? "run \(entry.id)"
    return CommandError(
      "other-service", stage: .wait,
      "\(name) is of a sandbox at \(entry.intent.baseURL) that has ended, and its jobs ended with it",
      remedy: "nothing was paid for: give the order again", status: .refused)
  }
}
