package import struct Foundation.Date

/// A client of the service: a method for each of its operations.
///
/// Copies are cheap, and all of them share the transport's connections and one budget for retries. ``RetryPolicy`` decides which failures
/// are retried. About 100 consecutive retries use up the budget, and successful requests fill it again. A submit whose outcome is unknown
/// is never retried.
public struct ScenarioClient: Sendable {
  /// The largest file, in bytes, that ``upload(_:name:mimeType:resuming:onPart:)`` sends in one request.
  ///
  /// The service documents 6 MB of request body; base64 and a margin leave this (contract, section 4.1).
  public static let directUploadLimit = 3_500_000

  /// The address of the service, and the credential.
  public let configuration: ScenarioConfiguration
  /// The largest result, in bytes, that is downloaded.
  public var downloadLimit = 512 << 20
  /// The longest time of a request without a file. An upload or download has no limit while bytes are transferred.
  public var requestTimeout = Duration.seconds(60)

  let transport: any HTTPTransport
  package let retry: RetryPolicy
  let clock: any Clock<Duration>
  let budget = RetryBudget()
  let serviceClock = ServiceClock()
  let serviceNetwork: ServiceNetwork
  let sandboxSign = SandboxSign()
  /// This machine's time.
  package var now: @Sendable () -> Date = { Date() }
  /// Receives every exchange; set by the logging extension.
  var observe: @Sendable (Exchange) -> Void = { _ in }
  /// Receives every pause that the service asked for, before the pause begins, and the refusal. The pipeline itself makes the pauses
  /// between submits.
  package var onPause: @Sendable (Duration, ScenarioError) -> Void = { _, _ in }

  /// The service's clock minus this machine's, from the newest reply that has a date; nil before such a reply. Copies of a client share the
  /// value.
  public var clockOffset: Duration? { serviceClock.offset }

  /// True if a reply came from the sandbox, whose prices are not money; false before the first reply. Copies of a client share the value.
  package var isOfSandbox: Bool { sandboxSign.isSeen }

  /// Makes a client.
  ///
  /// - Parameters:
  ///   - configuration: The address of the service, and the credential.
  ///   - connection: The limits and options of connections.
  ///   - retry: When to send a request again.
  ///   - clock: The clock for pauses and deadlines.
  public init(
    configuration: ScenarioConfiguration, connection: ConnectionOptions = ConnectionOptions(),
    retry: RetryPolicy = RetryPolicy(), clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.init(
      configuration: configuration, transport: CurlTransport(options: connection), retry: retry, clock: clock)
  }

  /// Makes a client over any transport, such as a script in tests.
  package init(
    configuration: ScenarioConfiguration, transport: any HTTPTransport, retry: RetryPolicy = RetryPolicy(),
    clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.configuration = configuration
    serviceNetwork = ServiceNetwork(configuration)
    self.transport = transport
    self.retry = retry
    self.clock = clock
  }
}
