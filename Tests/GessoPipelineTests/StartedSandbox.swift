import Foundation
import ScenarioAPI
import ScenarioSandbox

extension ScenarioSandbox {
  /// A sandbox that listens, and a client with its first credential.
  static func started(
    _ configuration: SandboxConfiguration, retry: RetryPolicy = RetryPolicy()
  ) async throws -> (sandbox: ScenarioSandbox, client: ScenarioClient) {
    let sandbox = ScenarioSandbox(configuration: configuration)
    let credential = configuration.credentials[0]
    let client = ScenarioClient(
      configuration: try ScenarioConfiguration(
        baseURL: try await sandbox.start().absoluteString,
        credential: ScenarioCredential(key: credential.key, secret: credential.secret)),
      retry: retry)
    return (sandbox, client)
  }
}
