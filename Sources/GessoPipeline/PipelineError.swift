public import Ground

/// A failure of a run. Preparing the image and requests to the service have errors of their own (`PreparationError`,
/// `ScenarioError`).
///
/// `code` is stable and meant for programs; `message` gives the cause and `remedy` the next step for the user, each in
/// one line without a period.
public struct PipelineError: GessoFailure, Equatable {
  /// A kind of failure. New codes may be added; existing ones keep their spelling.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The spelling used in JSON.
    public let rawValue: String
    /// Makes a code from its spelling.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The ledger cannot be opened, read or written.
    public static let ledgerUnavailable = Code(rawValue: "ledger-unavailable")
    /// The ledger knows no such job.
    public static let unknownJob = Code(rawValue: "unknown-job")
    /// The ledger knows no such batch.
    public static let unknownBatch = Code(rawValue: "unknown-batch")
    /// Another process works on the same order.
    public static let runInProgress = Code(rawValue: "run-in-progress")
    /// It is not known whether a submit started a job: the user has to decide.
    public static let needsDecision = Code(rawValue: "needs-decision")
    /// The price is above the limit that was set.
    public static let tooExpensive = Code(rawValue: "too-expensive")
    /// The job belongs to another address of the service than the client.
    public static let otherService = Code(rawValue: "other-service")
    /// The job ended `failure`.
    public static let jobFailed = Code(rawValue: "job-failed")
    /// The job ended `canceled`.
    public static let jobCanceled = Code(rawValue: "job-canceled")
    /// The job succeeded, but the service does not have its results, or no longer has them.
    public static let resultsGone = Code(rawValue: "results-gone")
    /// The service no longer has the legacy endpoint, and the custom model cannot make the results of this order.
    public static let noSubstitute = Code(rawValue: "no-substitute")
    /// A manifest, a list or a row of it that cannot be read.
    public static let invalidManifest = Code(rawValue: "invalid-manifest")
    /// The number of failed orders of a batch has reached its limit.
    public static let tooManyFailures = Code(rawValue: "too-many-failures")
    /// An order that cannot be carried out.
    public static let invalidOrder = Code(rawValue: "invalid-order")
    /// An event that the state of the run does not allow: a bug of this package.
    public static let unexpectedEvent = Code(rawValue: "unexpected-event")
  }

  /// The kind of failure.
  public let code: Code
  /// The step that failed.
  public let stage: Stage
  /// The cause, in one line.
  public let message: String
  /// The remedy, in one line.
  public private(set) var remedy: Remedy
  /// The job concerned, if there is one.
  public var jobID: JobID?
  /// The ledger's number of the run concerned, if there is one.
  public var runID: Int64?
  /// With `needs-decision`, the jobs that the submit may have started; none when no job fits.
  public var candidates: [JobID] = []

  /// The underlying error, such as that of the database.
  public var underlyingError: (any Error)? { cause?.error }
  private let cause: Cause?

  /// Makes an error.
  public init(
    _ code: Code, stage: Stage, _ message: String, remedy: Remedy, jobID: JobID? = nil, runID: Int64? = nil,
    underlying: (any Error)? = nil
  ) {
    self.code = code
    self.stage = stage
    self.message = message
    self.remedy = remedy
    self.jobID = jobID
    self.runID = runID
    cause = Cause(underlying)
  }

  /// This error with a remedy after its own.
  func adding(_ other: Remedy) -> PipelineError {
    var error = self
    error.remedy = .both(remedy, and: other)
    return error
  }

  /// The error for an event that the state of the run does not allow.
  init(unexpected message: String, _ run: LedgerEntry? = nil) {
    self.init(
      .unexpectedEvent, stage: .submit, message, remedy: "report this; the ledger keeps what was paid for",
      jobID: run?.jobID, runID: run?.id)
  }
}
