public import struct Foundation.Date

/// The settings of a sandbox.
public struct SandboxConfiguration: Sendable {
  /// The port on 127.0.0.1; 0 for a port that the system chooses.
  public var port: UInt16
  /// The accepted pairs of key and secret.
  public var credentials: [SandboxCredential]
  /// The duration of each state of a job.
  public var jobTimings: JobTimings
  /// The limits of the account's plan and of this process.
  public var limits: SandboxLimits
  /// Models that exist but are refused with 403, like models that the account's plan does not include.
  public var restrictedModelIDs: Set<String>
  /// The scheme, host and port that signed file URLs begin with, for a sandbox behind a proxy. Nil for the address of the sandbox itself.
  public var publicOrigin: String?
  /// The path of `gesso-decode`, as in `Limits.decodeHelper`. If it is nil, HEIC and AVIF do not count as images.
  public var decodeHelper: String?
  /// Receives a line for each request, without query strings, bodies, keys or signatures.
  public var log: (@Sendable (String) -> Void)?
  /// The time. Jobs advance and URLs expire by it.
  public var now: @Sendable () -> Date

  // Settings for the tests of this package.

  /// True when a job repeats its request in `metadata.input`. It is not known whether the service does so.
  package var echoesInput = true
  /// The lifetime of the URLs of an upload's parts.
  package var partLifetime = Duration.seconds(3600)
  /// True to put a relay in front of the server. The relay can drop connections, which some faults need.
  package var isFaulty = false
  /// Faults that happen at random; they need the relay.
  package var faultPlan: SandboxFaultPlan? { didSet { isFaulty = isFaulty || faultPlan != nil } }
  /// The seed of the random disagreements of orders; nil for none.
  package var disagreementSeed: UInt64?
  /// The delay of a reply with the fault `delay`.
  package var faultDelay = Duration.seconds(1)
  /// The pause in seconds that the fault `cool-down` requires.
  package var coolDownSeconds = 1
  /// Called for every request to an operation before it has any effect, with its running number from 1.
  package var onRequest: (@Sendable (_ number: Int, _ operation: String) -> Void)?
  /// Random bits for ids, seeds and the key of the signatures.
  var entropy: @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }

  /// Makes a configuration; without credentials one random pair is made.
  public init(
    port: UInt16 = 0,
    credentials: [SandboxCredential] = [.random()],
    jobTimings: JobTimings = JobTimings(),
    limits: SandboxLimits = SandboxLimits(),
    restrictedModelIDs: Set<String> = [],
    publicOrigin: String? = nil,
    decodeHelper: String? = nil,
    log: (@Sendable (String) -> Void)? = nil,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.port = port
    self.credentials = credentials
    self.jobTimings = jobTimings
    self.limits = limits
    self.restrictedModelIDs = restrictedModelIDs
    self.publicOrigin = publicOrigin
    self.decodeHelper = decodeHelper
    self.log = log
    self.now = now
  }
}
