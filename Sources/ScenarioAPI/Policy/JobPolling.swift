/// When to look at a job again, and when to stop: a value that is asked after every look.
///
/// Waits grow from ``initialInterval`` by ``growth`` to ``longestInterval``, each drawn at random up to ``jitter`` shorter
/// or longer, so that many clients do not ask in step. No look is later than the deadline.
public struct JobPolling: Sendable {
  /// What to do next.
  public enum Action: Sendable, Equatable {
    /// The job is final and complete.
    case finish(Job)
    /// Look again after this long.
    case wait(Duration)
    /// Stop, and report this. A deadline that has passed carries the code `deadline-exceeded`: the job goes on.
    case fail(ScenarioError)
  }

  /// The first wait.
  public var initialInterval: Duration
  /// What each wait is multiplied by for the next; 1 or more.
  public var growth: Double
  /// The longest wait.
  public var longestInterval: Duration
  /// How much of a wait is left to chance, 0 to 1.
  public var jitter: Double
  /// How long the whole may take. Cold models exceed three minutes.
  public var deadline: Duration
  /// How often a job that succeeded without naming results is read again.
  public var emptySuccessReads: Int
  /// How many looks in a row may fail for reasons that pass (network, 429, 5xx).
  public var failedReads: Int

  private var random: any RandomNumberGenerator & Sendable
  private var interval: Duration
  private var emptySuccesses = 0
  private var failures = 0
  private var jobID: JobID?

  /// Makes a policy.
  public init(
    initialInterval: Duration = .seconds(2), growth: Double = 1.5, longestInterval: Duration = .seconds(15),
    jitter: Double = 0.2, deadline: Duration = .seconds(600), emptySuccessReads: Int = 2, failedReads: Int = 8,
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    precondition(growth >= 1 && (0...1).contains(jitter), "growth is at least 1 and jitter 0 to 1")
    self.initialInterval = initialInterval
    self.growth = growth
    self.longestInterval = longestInterval
    self.jitter = jitter
    self.deadline = deadline
    self.emptySuccessReads = emptySuccessReads
    self.failedReads = failedReads
    self.random = random
    interval = initialInterval
  }

  /// What to do after the job was read.
  ///
  /// - Parameters:
  ///   - job: The job as just read.
  ///   - elapsed: Time since the first look.
  public mutating func next(after job: Job, elapsed: Duration) -> Action {
    jobID = job.id
    failures = 0
    guard job.status.isFinal else { return pause(elapsed: elapsed) }
    // A success may name its results a moment later (ASSUMED).
    guard job.status == .success, job.assetIDs.isEmpty else { return .finish(job) }
    emptySuccesses += 1
    guard emptySuccesses > emptySuccessReads else { return pause(elapsed: elapsed) }
    var error = ScenarioError(
      .noResults, .unusable, stage: .wait, "job \(job.id) ended well but names no result",
      remedy: "look at the job in the service's own pages, or ask its support")
    error.jobID = job.id
    error.charged = .yes
    return .fail(error)
  }

  /// What to do after reading the job failed.
  public mutating func next(after error: ScenarioError, elapsed: Duration) -> Action {
    failures += 1
    guard error.isRetryable, failures <= failedReads else { return .fail(error) }
    return pause(atLeast: error.retryAfter ?? .zero, elapsed: elapsed)
  }

  private mutating func pause(atLeast minimum: Duration = .zero, elapsed: Duration) -> Action {
    guard elapsed < deadline else {
      var error = ScenarioError(
        .deadlineExceeded, .stillRunning, stage: .wait,
        "\(jobID.map { "job \($0)" } ?? "the job") has not ended after \(Int(elapsed / .seconds(1))) seconds",
        remedy: "it goes on and is paid for: look for it again later")
      error.jobID = jobID
      error.charged = jobID == nil ? .unknown : .yes
      return .fail(error)
    }
    let wait = max(interval * (1 + jitter * (2 * random.fraction() - 1)), minimum)
    interval = min(interval * growth, longestInterval)
    return .wait(min(wait, deadline - elapsed))
  }
}
