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
