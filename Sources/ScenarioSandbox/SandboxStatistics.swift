/// What a sandbox has done, so that a test can ask whether anything was paid twice.
public struct SandboxStatistics: Sendable, Equatable, Encodable {
  /// Requests by operation id, answered or not.
  public internal(set) var requests: [String: Int] = [:]
  /// Faults by kind.
  public internal(set) var faults: [String: Int] = [:]
  /// Jobs created and not refunded, which is jobs paid.
  public internal(set) var jobs = 0
  /// Jobs that failed, which are refunded.
  public internal(set) var refundedJobs = 0
  /// Jobs paid by what was asked for: a digest of the request with the source's bytes in place of its asset id.
  public internal(set) var jobsByIntent: [String: Int] = [:]

  /// Different things that were asked for.
  public var distinctIntents: Int { jobsByIntent.count }
}
