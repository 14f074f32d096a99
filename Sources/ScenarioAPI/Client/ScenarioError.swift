public import Ground

/// The failure of a request to the service, or of reading its reply.
///
/// `code` is stable and meant for programs; `message` gives the cause and `remedy` the next step for the user, each in
/// one line without a period. Neither contains a credential or the query of a signed URL.
public struct ScenarioError: GessoFailure, Equatable {
  /// The effect of a failed request on the service, as far as it is known.
  public enum Outcome: String, Sendable, CaseIterable {
    /// No byte of the request was sent: the service does not know of it, and sending it again is safe.
    case notSent = "not-sent"
    /// The service replied that it did nothing.
    case refused
    /// Bytes were sent, and no usable reply came back: the service may have acted. Sending a submit again may pay
    /// twice.
    case unknownOutcome = "unknown-outcome"
    /// The caller's deadline passed before the job ended. The job continues; its id is ``ScenarioError/jobID``.
    case stillRunning = "still-running"
    /// The service acted, but its reply is unusable or could not be stored.
    case unusable
  }

  /// Whether creative units were spent by the step that failed.
  public enum Charge: String, Sendable, CaseIterable {
    /// A job was accepted, and is paid for.
    case yes
    /// Nothing was spent.
    case no
    /// It cannot be known.
    case unknown
  }

  /// A kind of failure. New codes may be added; existing ones keep their spelling.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The spelling used in JSON.
    public let rawValue: String
    /// Makes a code from its spelling.
    public init(rawValue: String) { self.rawValue = rawValue }

    // Errors that are found on this machine before anything was sent.

    /// A setting is missing or impossible: base URL, key, secret.
    public static let invalidConfiguration = Code(rawValue: "invalid-configuration")
    /// Plain http to a host other than this machine.
    public static let insecureURL = Code(rawValue: "insecure-url")
    /// A field of the request is out of its range.
    public static let invalidRequest = Code(rawValue: "invalid-request")
    /// The file is larger than a direct upload may be.
    public static let uploadTooLarge = Code(rawValue: "upload-too-large")

    /// The service did not accept an upload.
    public static let uploadFailed = Code(rawValue: "upload-failed")

    // Errors of the connection.

    /// No connection: unknown host, refused, no route, timed out.
    public static let unreachable = Code(rawValue: "unreachable")
    /// The server's certificate could not be verified, or no secure connection was agreed on.
    public static let tlsFailed = Code(rawValue: "tls-failed")
    /// An address that the user did not give leads to this machine or to a private network.
    public static let privateAddress = Code(rawValue: "private-address")
    /// The connection ended before the reply did.
    public static let connectionLost = Code(rawValue: "connection-lost")
    /// No bytes moved for too long, or the whole exchange took too long.
    public static let timedOut = Code(rawValue: "timed-out")
    /// The reply is larger than allowed.
    public static let responseTooLarge = Code(rawValue: "response-too-large")
    /// The transfer failed in some other way; the message contains libcurl's text.
    public static let transportFailed = Code(rawValue: "transport-failed")
    /// The task was canceled. The public verbs throw `CancellationError` instead.
    package static let canceled = Code(rawValue: "canceled")

    // Replies of the service.

    /// Key or secret is missing or wrong.
    public static let credentialsRefused = Code(rawValue: "credentials-refused")
    /// The key may not do this.
    public static let forbidden = Code(rawValue: "forbidden")
    /// The plan does not include the model.
    public static let modelRestricted = Code(rawValue: "model-restricted")
    /// The service does not know the model of a generation, or does not serve it at this endpoint. No job was started.
    public static let modelRefused = Code(rawValue: "model-refused")
    /// The service has no such endpoint. No job was started.
    public static let endpointGone = Code(rawValue: "endpoint-gone")
    /// There is no such asset, job or model for this account.
    public static let notFound = Code(rawValue: "not-found")
    /// The service found the request wrong.
    public static let rejected = Code(rawValue: "rejected")
    /// The request is larger than the service takes.
    public static let payloadTooLarge = Code(rawValue: "payload-too-large")
    /// The account's credit is used up.
    public static let creditExhausted = Code(rawValue: "credit-exhausted")
    /// 429: a cool-down with a known end.
    public static let coolingDown = Code(rawValue: "cooling-down")
    /// 429: as many jobs as the plan allows are running.
    public static let concurrencyLimit = Code(rawValue: "concurrency-limit")
    /// 429: the plan's quota is used up, or the plan does not include this at all.
    public static let quotaExhausted = Code(rawValue: "quota-exhausted")
    /// 429: too many requests at once.
    public static let throttled = Code(rawValue: "throttled")
    /// 5xx: the service failed.
    public static let serviceFailed = Code(rawValue: "service-failed")
    /// The service redirected a request that must not be repeated at another address.
    public static let redirected = Code(rawValue: "redirected")
    /// Only a price was asked for, and the service started a job.
    public static let dryRunStartedJob = Code(rawValue: "dry-run-started-job")
    /// The reply does not match the contract.
    public static let malformedReply = Code(rawValue: "malformed-reply")

    // Jobs and results.

    /// The job did not end before the deadline.
    public static let deadlineExceeded = Code(rawValue: "deadline-exceeded")
    /// The job ended well but names no result.
    public static let noResults = Code(rawValue: "no-results")
    /// The asset is not ready, or never will be.
    public static let assetUnavailable = Code(rawValue: "asset-unavailable")
    /// The downloaded bytes are not the expected file.
    public static let downloadInvalid = Code(rawValue: "download-invalid")
    /// The result could not be written.
    public static let writeFailed = Code(rawValue: "write-failed")
  }

  /// The kind of failure.
  public let code: Code
  /// The effect on the service, as far as it is known.
  public let outcome: Outcome
  /// The step that failed.
  public let stage: Stage
  /// The cause, in one line.
  public internal(set) var message: String
  /// The remedy, in one line.
  public internal(set) var remedy: Remedy
  /// True when the same request may succeed later without a change. Whether it is *safe* to repeat is in ``outcome``.
  public var isRetryable = false
  /// Whether creative units were spent.
  public var charged = Charge.no
  /// The status of the reply, if there was one.
  public var httpStatus: Int?
  /// The service's own words: at most 500 characters, without control characters and signed queries.
  public var serviceReason: String?
  /// The service's own error class, for example `PlanLimitReachedError`.
  public var serviceErrorName: String?
  /// The limit of the plan that refused the request, for example of parallel jobs.
  public var planLimit: Int?
  /// The service's id of this request; worth quoting to its support.
  public var requestID: String?
  /// The pause that the service requires before the next attempt.
  public var retryAfter: Duration?
  /// The job concerned, if it is known.
  public var jobID: JobID?
  /// Jobs that an unreadable reply to a generation names (`job_…`): one of them may be the job of this request.
  public var namedJobs: [JobID] = []
  /// Assets that an unreadable reply to a generation names (`asset_…`). If the reply repeats the source, the source is among them.
  public var namedAssets: [AssetID] = []
  /// libcurl's code (`CURLcode`) for a failed transfer.
  public var curlCode: Int?

  /// The underlying error: that of reading a reply, or of the caller's own closure.
  public var underlyingError: (any Error)? { cause?.error }
  private let cause: Cause?

  /// True for a failed submit, or a failed request for a price, that may have started a job all the same.
  public var mayHaveStartedJob: Bool {
    stage == .submit && outcome != .notSent && outcome != .refused || stage == .price && charged == .unknown
  }

  /// True if the service refused the request itself, not its credentials or the rate of requests. Another kind of
  /// request may work.
  var concernsRequest: Bool {
    guard let httpStatus, code != .credentialsRefused else { return false }
    return RetryPolicy.effect(of: httpStatus) != .nothingDone
  }

  /// Makes an error.
  public init(
    _ code: Code, _ outcome: Outcome, stage: Stage, _ message: String, remedy: Remedy, underlying: (any Error)? = nil
  ) {
    self.code = code
    self.outcome = outcome
    self.stage = stage
    self.message = message
    self.remedy = remedy
    cause = Cause(underlying)
  }
}
