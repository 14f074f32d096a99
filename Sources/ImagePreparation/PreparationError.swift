public import Ground

/// A failure to inspect, decode, prepare or write an image.
///
/// `code` is stable and meant for programs; `message` and `remedy` are one line each for people, without a period.
public struct PreparationError: GessoFailure, Equatable {
  /// A kind of failure. New codes may be added; existing ones keep their spelling.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The spelling used in JSON.
    public let rawValue: String
    /// Makes a code from its spelling.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// There is no such file.
    public static let notFound = Code(rawValue: "not-found")
    /// The file exists but cannot be read.
    public static let unreadable = Code(rawValue: "unreadable")
    /// The source has no bytes.
    public static let empty = Code(rawValue: "empty")
    /// The bytes are not an image known to this package.
    public static let notAnImage = Code(rawValue: "not-an-image")
    /// The bytes are an image of another kind (HEIC, a camera's raw data, …), or a library that it needs is not installed.
    public static let unsupportedFormat = Code(rawValue: "unsupported-format")
    /// The file is of a variety that is not supported.
    public static let unsupportedFeature = Code(rawValue: "unsupported-feature")
    /// The source ends before the image does.
    public static let truncated = Code(rawValue: "truncated")
    /// The source's bytes contradict their format.
    public static let corrupt = Code(rawValue: "corrupt")
    /// The codec reported damage that the policy does not permit.
    public static let warning = Code(rawValue: "warning")
    /// More pixels than allowed.
    public static let tooManyPixels = Code(rawValue: "too-many-pixels")
    /// More memory than allowed.
    public static let tooMuchMemory = Code(rawValue: "too-much-memory")
    /// More progressive scans, chunks, encoded bytes or profile bytes, a longer side or a longer time than allowed.
    public static let limitExceeded = Code(rawValue: "limit-exceeded")
    /// The result cannot be made small enough.
    public static let overBudget = Code(rawValue: "over-budget")
    /// The recipe asks for something impossible.
    public static let invalidRecipe = Code(rawValue: "invalid-recipe")
    /// The output exists and may not be replaced.
    public static let outputExists = Code(rawValue: "output-exists")
    /// The output is the input, which is never replaced.
    public static let outputIsInput = Code(rawValue: "output-is-input")
    /// The result could not be written.
    public static let writeFailed = Code(rawValue: "write-failed")
    /// The helper process that decodes HEIC and AVIF cannot be started or isolated, ended early, or broke the protocol.
    public static let helperFailed = Code(rawValue: "helper-failed")
    /// The system has no memory left.
    public static let outOfMemory = Code(rawValue: "out-of-memory")
    /// The caller canceled.
    public static let canceled = Code(rawValue: "canceled")
  }

  /// The kind of failure.
  public let code: Code
  /// The step that failed.
  public let stage: Stage
  /// The cause, in one line.
  public let message: String
  /// The remedy, in one line.
  public let remedy: Remedy

  /// The underlying error of a library; nil for none.
  public var underlyingError: (any Error)? { cause?.error }
  private let cause: Cause?

  /// Makes an error.
  public init(_ code: Code, stage: Stage, _ message: String, remedy: Remedy, underlying: (any Error)? = nil) {
    self.code = code
    self.stage = stage
    self.message = message
    self.remedy = remedy
    cause = Cause(underlying)
  }
}
