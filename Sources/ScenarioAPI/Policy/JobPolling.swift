/// Decides when to read a job again, and when to stop: a value that is asked after every read.
///
/// Waits grow from ``initialInterval`` by ``growth`` to ``longestInterval``. Each wait is made shorter or longer by a random share of up to
/// ``jitter``, so that many clients do not send their requests at the same moments. No read is later than the deadline. In a batch,
/// ``pace`` sets the times of the reads instead.
public struct JobPolling: Sendable {
  /// The next step.
  public enum Action: Sendable, Equatable {
    /// The job is final and complete.
    case finish(Job)
    /// Read the job again after this time.
    case wait(Duration)
    /// Stop, and report this error. After the deadline its code is `deadline-exceeded`: the job goes on.
    case fail(ScenarioError)
  }

  /// The first wait.
  public var initialInterval: Duration
  /// The factor from each wait to the next; 1 or more.
  public var growth: Double
  /// The longest wait.
  public var longestInterval: Duration
  /// The random share of a wait, 0 to 1.
  public var jitter: Double
  /// The longest time for all reads together. A model that has to be loaded may take more than three minutes.
  public var deadline: Duration
  /// How often a job that succeeded without results is read again.
  public var emptySuccessReads: Int
  /// How many consecutive reads may fail for temporary reasons (the network, a refusal for now, a failure of the
  /// service).
  public var failedReads: Int
  /// How long the service may fail to find a job that it has just accepted.
  public var newJobPatience: Duration
  /// The longest pause that the service may ask for; if more time is left before the deadline, all of that time. If the service asks for a
  /// longer pause, the wait ends at once with the service's refusal, which names that pause. The job continues.
  public var patience: Duration
  /// The times that other jobs of the same batch took, so that a new job is read soon after its end; nil to use the intervals alone.
  public var pace: JobPace?

  private var random: any RandomNumberGenerator & Sendable
  private var interval: Duration
  private var emptySuccesses = 0
  private var failures = 0
  private var jobID: JobID?
  /// True for a job that was submitted just before the first read.
  private var isNew = false
  /// When a read last found the job running.
  private var lastRunning: Duration?

  /// Makes a policy.
  public init(
    initialInterval: Duration = .seconds(2), growth: Double = 1.5, longestInterval: Duration = .seconds(15),
    jitter: Double = 0.2, deadline: Duration = .seconds(600), emptySuccessReads: Int = 2, failedReads: Int = 8,
    newJobPatience: Duration = .seconds(30), patience: Duration = .seconds(120),
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
    self.newJobPatience = newJobPatience
    self.patience = patience
    self.random = random
    interval = initialInterval
  }

  /// The wait before the first read of a job that was submitted just now. Without it, the read could arrive before the service itself knows
  /// the job (contract, section 8).
  mutating func beginNew() -> Duration {
    isNew = true
    if let expected = pace?.begin() { return min(expected, deadline) }
    guard case .wait(let wait) = pause(elapsed: .zero) else { return .zero }
    return wait
  }

  /// Decides on the next step after the job was read.
  ///
  /// - Parameters:
  ///   - job: The job as just read.
  ///   - elapsed: The time since the first read.
  /// - Returns: The next step.
  public mutating func next(after job: Job, elapsed: Duration) -> Action {
    jobID = job.id
    failures = 0
    guard job.status.isFinal else {
      lastRunning = elapsed
      return pause(elapsed: elapsed, isRunning: true)
    }
    if emptySuccesses == 0, isNew { pace?.end(job.status == .success ? lastRunning ?? elapsed * 0.7 : nil) }
    // A job may list its results a moment after it succeeded (ASSUMED).
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

  /// Decides on the next step after a read failed.
  public mutating func next(after error: ScenarioError, elapsed: Duration) -> Action {
    if isNew, error.code == .notFound, elapsed < newJobPatience { return pause(elapsed: elapsed) }
    failures += 1
    guard error.isRetryable, failures <= failedReads else { return .fail(error) }
    let asked = error.retryAfter ?? .zero
    guard asked <= max(patience, deadline - elapsed) else { return .fail(error) }
    return pause(atLeast: asked, elapsed: elapsed)
  }

  private mutating func pause(
    atLeast minimum: Duration = .zero, elapsed: Duration, isRunning: Bool = false
  ) -> Action {
    guard elapsed < deadline else {
      var error = ScenarioError(
        .deadlineExceeded, .stillRunning, stage: .wait,
        "\(jobID.map { "job \($0)" } ?? "the job") has not ended after \(Int(elapsed / .seconds(1))) seconds",
        remedy: "it goes on and is paid for: look for it again later")
      error.jobID = jobID
      error.charged = jobID == nil ? .unknown : .yes
      return .fail(error)
    }
    let placed = isRunning && isNew ? pace?.pause(after: elapsed, shortest: initialInterval) : nil
    let wait = max(min(placed ?? interval, longestInterval) * (1 + jitter * (2 * random.fraction() - 1)), minimum)
    if placed == nil { interval = min(interval * growth, longestInterval) }
    return .wait(min(wait, deadline - elapsed))
  }
}
