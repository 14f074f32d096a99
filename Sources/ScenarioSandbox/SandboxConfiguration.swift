#if Client
public import struct Foundation.Date

/// What a sandbox serves and how it behaves.
public struct SandboxConfiguration: Sendable {
  /// The port on 127.0.0.1, or 0 for one the system chooses.
  public var port: UInt16
  /// The key and secret pairs that are let in.
  public var credentials: [SandboxCredential]
  /// How long each state of a job lasts.
  public var jobTimings: JobTimings
  /// What the account's plan allows.
  public var limits: SandboxLimits
  /// True when a job repeats its request in `metadata.input`. Whether the service does is an open question.
  public var echoesInput: Bool
  /// Models that exist but answer 403, as above the account's plan.
  public var restrictedModelIDs: Set<String>
  /// How long the URLs of an upload's parts are good.
  public var partLifetime: Duration
  /// True to put a relay in front of the server that can drop connections, which some faults need.
  public var isFaulty: Bool
  /// Faults that happen at random.
  public var faultPlan: SandboxFaultPlan?
  /// How late an answer with the fault `delay` is.
  public var faultDelay: Duration
  /// How many seconds of pause the fault `cool-down` asks for.
  public var coolDownSeconds: Int
  /// Told of every request to an operation before it has any effect, with its running number from 1.
  public var onRequest: (@Sendable (_ number: Int, _ operation: String) -> Void)?
  /// Scheme, host and port that signed file URLs begin with, for a sandbox behind a proxy; nil for the sandbox's own.
  public var publicOrigin: String?
  /// Takes one line a request. Lines hold no query strings, bodies, keys or signatures.
  public var log: (@Sendable (String) -> Void)?
  /// The time. Jobs advance and URLs expire by it.
  public var now: @Sendable () -> Date
  /// Random bits for ids, seeds and the key of the signatures.
  public var entropy: @Sendable () -> UInt64

  /// Makes a configuration; without credentials one random pair is made.
  public init(
    port: UInt16 = 0,
    credentials: [SandboxCredential] = [.random()],
    jobTimings: JobTimings = JobTimings(),
    limits: SandboxLimits = SandboxLimits(),
    echoesInput: Bool = true,
    restrictedModelIDs: Set<String> = [],
    partLifetime: Duration = .seconds(3600),
    isFaulty: Bool = false,
    faultPlan: SandboxFaultPlan? = nil,
    faultDelay: Duration = .seconds(1),
    coolDownSeconds: Int = 1,
    onRequest: (@Sendable (_ number: Int, _ operation: String) -> Void)? = nil,
    publicOrigin: String? = nil,
    log: (@Sendable (String) -> Void)? = nil,
    now: @escaping @Sendable () -> Date = { Date() },
    entropy: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
  ) {
    self.port = port
    self.credentials = credentials
    self.jobTimings = jobTimings
    self.limits = limits
    self.echoesInput = echoesInput
    self.restrictedModelIDs = restrictedModelIDs
    self.partLifetime = partLifetime
    self.isFaulty = isFaulty || faultPlan != nil
    self.faultPlan = faultPlan
    self.faultDelay = faultDelay
    self.coolDownSeconds = coolDownSeconds
    self.onRequest = onRequest
    self.publicOrigin = publicOrigin
    self.log = log
    self.now = now
    self.entropy = entropy
  }
}

/// A key and its secret, as HTTP Basic sends them. Printing it shows the key only.
public struct SandboxCredential: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  /// The user name of HTTP Basic.
  public let key: String
  /// The password of HTTP Basic.
  public let secret: String

  /// Makes a pair.
  ///
  /// - Precondition: `key` holds no colon (RFC 7617 gives such a user name no form).
  public init(key: String, secret: String) {
    precondition(!key.contains(":"), "a key holds no colon")
    self.key = key
    self.secret = secret
  }

  /// Makes a pair that nobody has seen before.
  public static func random() -> SandboxCredential {
    var generator = SystemRandomNumberGenerator()
    let entropy = { generator.next() }
    return SandboxCredential(
      key: Identifier.make("sandbox", entropy: entropy), secret: Identifier.make("secret", entropy: entropy))
  }

  /// The key.
  public var description: String { "SandboxCredential(\(key))" }
  /// No children, so that dumping does not show the secret.
  public var customMirror: Mirror { Mirror(self, children: ["key": key]) }
}

/// How long each state of a job lasts.
public struct JobTimings: Sendable, Equatable {
  /// Before anything happens.
  public var queued: Duration
  /// While a model would be loaded.
  public var warmingUp: Duration
  /// While progress rises.
  public var inProgress: Duration
  /// Between full progress and results.
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

  /// Jobs that are finished when their submission is answered.
  public static let instant = JobTimings(queued: .zero, warmingUp: .zero, inProgress: .zero, finalizing: .zero)
}

/// What the account's plan and this process allow.
public struct SandboxLimits: Sendable, Equatable {
  /// Jobs that may run at once; nil for any number. One more answers 429 `PlanLimitReachedError`.
  public var parallelInferences: Int?
  /// Largest `numSamples` (ASSUMED: the plan's `inferenceBatchSize`, refused with 429).
  public var inferenceBatchSize: Int
  /// Largest request body in bytes; a larger one answers 413 (ASSUMED: 6 MiB, the gateway's).
  public var bodyBytes: Int
  /// Largest part of a multipart upload in bytes.
  public var partBytes: Int
  /// Largest image in bytes that is fetched from an `imageUrl`.
  public var fetchedBytes: Int
  /// How long an `imageUrl` may take to answer.
  public var fetchTimeout: Duration
  /// Bytes of uploaded images kept in memory; the upload that would exceed it answers 507.
  public var storedBytes: Int
  /// Bytes of rendered results kept in memory; older ones are rendered again when asked for.
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
#endif
