internal import Synchronization

/// Limits retries during an outage: each retry takes tokens that only successes give back, so that a service that is down soon
/// receives each request only once.
///
/// The figures are those of the standard retry mode of the AWS SDKs: 500 tokens, 5 for a retry, 1 back for each success.
final class RetryBudget: Sendable {
  private static let capacity = 500
  private static let cost = 5

  private let tokens = Mutex(capacity)

  /// Takes the tokens of one retry; false when too few are left.
  func take() -> Bool {
    tokens.withLock { tokens in
      guard tokens >= Self.cost else { return false }
      tokens -= Self.cost
      return true
    }
  }

  /// Gives back the token of a successful request.
  func giveBack() { tokens.withLock { $0 = min($0 + 1, Self.capacity) } }
}
