internal import Synchronization

/// Limits retries during an outage. Each retry takes tokens, and only successful requests give tokens back. If the service is down, the
/// tokens are soon used up, and each request is sent only once.
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
