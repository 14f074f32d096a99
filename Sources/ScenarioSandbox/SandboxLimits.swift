/// The limits of the account's plan and of this process.
public struct SandboxLimits: Sendable, Equatable {
  /// The most jobs that may run at a time; nil for no limit. A further job is refused with 429 `PlanLimitReachedError`.
  public var parallelInferences: Int?
  /// Largest `numSamples` (ASSUMED: the plan's `inferenceBatchSize`, refused with 429).
  public var inferenceBatchSize: Int
  /// Largest request body in bytes. A larger body is refused with 413 (ASSUMED: the gateway's limit is 6 MiB).
  public var bodyBytes: Int
  /// Largest part of a multipart upload in bytes.
  public var partBytes: Int
  /// Largest image in bytes that is fetched from an `imageUrl`.
  public var fetchedBytes: Int
  /// The longest wait for the reply of an `imageUrl`.
  public var fetchTimeout: Duration
  /// The most bytes of uploaded images in memory. An upload that would exceed this limit is refused with 507.
  public var storedBytes: Int
  /// The most bytes of rendered results in memory. Older results are rendered again when they are requested.
  public var renderedBytes: Int

  /// Makes limits.
  public init(
    parallelInferences: Int? = nil, inferenceBatchSize: Int = 16, bodyBytes: Int = 6_291_456,
    partBytes: Int = 64 << 20,
    fetchedBytes: Int = 32 << 20, fetchTimeout: Duration = .seconds(10), storedBytes: Int = 1 << 30,
    renderedBytes: Int = 64 << 20
  ) {
    self.parallelInferences = parallelInferences
    self.inferenceBatchSize = inferenceBatchSize
    self.bodyBytes = bodyBytes
    self.partBytes = partBytes
    self.fetchedBytes = fetchedBytes
    self.fetchTimeout = fetchTimeout
    self.storedBytes = storedBytes
    self.renderedBytes = renderedBytes
  }
}
