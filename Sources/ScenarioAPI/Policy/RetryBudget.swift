internal import Synchronization

/// Keeps retries from multiplying an outage: each takes from a bucket that only successes fill again, so that a service
/// that is down is soon asked once for each request and no more.
///
/// The figures are those of the standard retry mode of the AWS SDKs: 500 tokens, 5 a retry, 1 back for each success.
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

  /// A request succeeded.
  func giveBack() { tokens.withLock { $0 = min($0 + 1, Self.capacity) } }
}
