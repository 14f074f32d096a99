/// The duration of each state of a job.
public struct JobTimings: Sendable, Equatable {
  /// The time in the queue.
  public var queued: Duration
  /// The time in which a model would be loaded.
  public var warmingUp: Duration
  /// The time in which progress rises.
  public var inProgress: Duration
  /// The time between full progress and the results.
  public var finalizing: Duration

  /// Makes timings; the default job takes 3 s.
  public init(
    queued: Duration = .milliseconds(400), warmingUp: Duration = .milliseconds(400),
    inProgress: Duration = .milliseconds(1800), finalizing: Duration = .milliseconds(400)
  ) {
    self.queued = queued
    self.warmingUp = warmingUp
    self.inProgress = inProgress
    self.finalizing = finalizing
  }

  /// Jobs that are finished when the reply to their submit arrives.
  public static let instant = JobTimings(queued: .zero, warmingUp: .zero, inProgress: .zero, finalizing: .zero)
}
