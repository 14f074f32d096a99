/// Decides after a failure whether, and when, a request is sent again. It counts the failures of one request, so each request needs its own
/// copy.
///
/// Reads and uploads are repeated after network errors and after the refusals in `statuses`. A submit costs money and the service knows no
/// idempotency key, so it is repeated only when it certainly had no effect: nothing was sent, or the service refused it for now. A dry run
/// counts as a submit, because a service that ignores the flag for it starts the job. Pauses double from ``initialDelay`` to
/// ``longestDelay``, and each is a random time between half of its length and the whole. If the service names a pause, that pause is used
/// instead.
public struct RetryPolicy: Sendable {
  /// The effect of a request, which decides whether it may be repeated.
  public enum Operation: Sendable, CaseIterable {
    /// Reads; a repetition changes nothing.
    case read
    /// Stores a file; a repetition may store it twice, at no cost.
    case upload
    /// Starts a paid job, or may start one: a submit, and a request for its price.
    case submit
  }

  /// Whether a request with a temporary error status had an effect.
  enum Effect: Sendable {
    /// The service refused the request for now: any operation may be repeated.
    case nothingDone
    /// The service may have acted before it failed: a submit is not repeated.
    case mayHaveActed
  }

  /// The statuses after which the same request may succeed later (contract, section 10), for all operations. All other error statuses are
  /// final. The initializer of errors from refusals and the reader of addresses look statuses up with ``effect(of:)``. A status of this
  /// table for which they have no special error becomes `throttled` or `serviceFailed`. Other retryable errors have no status, or a status
  /// of 2xx.
  static let statuses: [(range: ClosedRange<Int>, effect: Effect)] = [
    (408...408, .mayHaveActed), (429...429, .nothingDone), (500...Int.max, .mayHaveActed),
  ]

  /// The entry of a status; nil for one that is final.
  static func effect(of status: Int) -> Effect? { statuses.first { $0.range.contains(status) }?.effect }

  /// The next step.
  public enum Action: Sendable, Equatable {
    /// Send the request again after this time.
    case retry(after: Duration)
    /// Report the failure.
    case fail
  }

  /// The most times that a request is sent; 1 or more.
  public var attempts: Int
  /// The pause after the first failure.
  public var initialDelay: Duration
  /// The longest pause that the policy chooses itself.
  public var longestDelay: Duration
  /// The longest pause that the service may ask for. If it asks for a longer pause, no further attempt is made, and the failure is
  /// reported.
  public var patience: Duration

  private var random: any RandomNumberGenerator & Sendable
  private var failures = 0

  /// Makes a policy.
  public init(
    attempts: Int = 4, initialDelay: Duration = .milliseconds(500), longestDelay: Duration = .seconds(8),
    patience: Duration = .seconds(120), random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    precondition(attempts >= 1, "a request is sent at least once")
    self.attempts = attempts
    self.initialDelay = initialDelay
    self.longestDelay = longestDelay
    self.patience = patience
    self.random = random
  }

  /// One attempt, no repetition.
  public static var never: RetryPolicy { RetryPolicy(attempts: 1) }

  /// Decides on the next step after `error`.
  public mutating func next(after error: ScenarioError, of operation: Operation) -> Action {
    failures += 1
    guard failures < attempts, error.isRetryable, operation != .submit || hadNoEffect(error) else { return .fail }
    if let asked = error.retryAfter { return asked <= patience ? .retry(after: max(asked, .zero)) : .fail }
    var delay = initialDelay
    for _ in 1..<max(failures, 1) where delay < longestDelay { delay *= 2 }
    return .retry(after: min(delay, longestDelay) * (0.5 + random.fraction() / 2))
  }

  private func hadNoEffect(_ error: ScenarioError) -> Bool { error.outcome == .notSent || error.outcome == .refused }
}

extension RandomNumberGenerator {
  /// A random number from 0 up to, but not including, 1. It takes exactly one number of the generator, so that a generator that always
  /// gives the same number makes no endless loop.
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
