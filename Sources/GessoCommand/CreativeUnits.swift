internal import ScenarioAPI
internal import Synchronization

/// The name of the unit of prices: it says when they are not money, because a sandbox answers in place of the service.
final class CreativeUnits: Sendable, CustomStringConvertible {
  /// True for the sandbox of `--sandbox`, which ends with this command.
  let isOfOwnSandbox: Bool
  private let client = Mutex<ScenarioClient?>(nil)

  init(isOfOwnSandbox: Bool) { self.isOfOwnSandbox = isOfOwnSandbox }

  /// Sets the client whose replies show whether a sandbox answers.
  func follow(_ client: ScenarioClient) { self.client.withLock { $0 = client } }

  /// `creative units`, with the remark about a sandbox.
  var description: String {
    let isOfSandbox = isOfOwnSandbox || client.withLock { $0?.isOfSandbox == true }
    return "creative units" + (isOfSandbox ? " of the sandbox, which are not money" : "")
  }
}
