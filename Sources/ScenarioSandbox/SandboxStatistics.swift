/// Counts of a sandbox, so that a test can find whether anything was paid for twice.
public struct SandboxStatistics: Sendable, Equatable, Encodable {
  /// Requests by operation id, including requests without a reply.
  public internal(set) var requests: [String: Int] = [:]
  /// Faults by kind.
  public internal(set) var faults: [String: Int] = [:]
  /// Jobs that were made and not refunded, which are the jobs that were paid for.
  public internal(set) var jobs = 0
  /// Jobs that failed, which are refunded.
  public internal(set) var refundedJobs = 0
  /// Jobs that were paid for, by a digest of the request with the source's bytes in place of its asset id.
  public internal(set) var jobsByIntent: [String: Int] = [:]

  /// The number of different requests among the jobs that were paid for.
  public var distinctIntents: Int { jobsByIntent.count }
}
