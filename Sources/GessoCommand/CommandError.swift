package import GessoPipeline
package import Ground
package import ImagePreparation
package import ScenarioAPI
internal import ScenarioSandbox

/// A failure as the command reports it: one line for people, an object for scripts, an exit status.
package struct CommandError: Error, Sendable, Equatable {
  /// A stable word for programs.
  package let code: String
  /// The step that failed: one of the pipeline's stage names, or `configure` for what comes before them.
  package let stage: String
  /// What is wrong, without a period.
  package let message: String
  /// What to do about it.
  package let remedy: String
  /// What the process ends with when nothing else happens.
  package let status: CommandStatus

  package init(_ code: String, stage: String, _ message: String, remedy: String, status: CommandStatus) {
    self.code = code
    self.stage = stage
    self.message = message
    self.remedy = remedy
    self.status = status
  }

  package init(_ error: PreparationError) {
    self.init(
      error.code.rawValue, stage: error.stage.rawValue, error.message,
      remedy: error.code == .outputExists ? "choose another name, or leave out --no-clobber" : error.remedy,
      status: CommandStatus(error.code))
  }

  package init(_ failure: FileFailure) { self.init(PreparationError(failure)) }

  package init(_ error: ScenarioError) {
    let status: CommandStatus =
      switch error.code {
      case .invalidConfiguration, .insecureURL, .credentialsRefused: .credentials
      case .invalidRequest: .usage
      case .uploadTooLarge, .payloadTooLarge, .responseTooLarge: .limit
      case .unreachable, .tlsFailed, .connectionLost, .timedOut, .transportFailed, .coolingDown, .concurrencyLimit,
        .throttled, .serviceFailed, .downloadInvalid:
        .unavailable
      case .deadlineExceeded: .timedOut
      case .canceled: .interrupted
      case .writeFailed: .cannotWrite
      default: .refused
      }
    var remedy = error.remedy
    if error.code == .uploadTooLarge { remedy = "use a smaller --max-side, --format jpeg or a lower --quality" }
    self.init(error.code.rawValue, stage: error.stage.rawValue, error.message, remedy: remedy, status: status)
  }

  package init(_ error: PipelineError) {
    let status: CommandStatus =
      switch error.code {
      case .ledgerUnavailable: .cannotWrite
      case .otherService: .credentials
      case .jobFailed, .jobCanceled: .jobFailed
      case .tooExpensive: .limit
      case .needsDecision: .unavailable
      case .unexpectedEvent: .someFailed
      default: .usage
      }
    let remedy = error.code == .unknownJob ? "see gesso jobs list" : error.remedy
    self.init(error.code.rawValue, stage: error.stage, error.message, remedy: remedy, status: status)
  }

  /// Any failure of the library's calls.
  package init(any error: any Error) {
    switch error {
    case let error as CommandError: self = error
    case let error as PreparationError: self.init(error)
    case let error as FileFailure: self.init(error)
    case let error as ScenarioError: self.init(error)
    case let error as PipelineError: self.init(error)
    case is CancellationError: self = .interrupted
    case let error as SandboxError: self = .usage("\(error)", remedy: "")
    default: self.init("unexpected", stage: "configure", "\(error)", remedy: "", status: .someFailed)
    }
  }

  /// A signal came.
  static let interrupted = CommandError(
    "canceled", stage: "configure", "interrupted", remedy: "the same command starts again", status: .interrupted)

  /// A bad value among the flags, found after parsing.
  package static func usage(_ message: String, remedy: String) -> CommandError {
    CommandError("usage", stage: "configure", message, remedy: remedy, status: .usage)
  }

  /// `what is wrong: what to do`.
  package var line: String { remedy.isEmpty ? message : "\(message): \(remedy)" }

  /// The object of `--json`.
  package func json(input: String?) -> JSONObject {
    let error: JSONObject = ["code": code, "message": message, "stage": stage, "remedy": remedy]
    return ["input": input, "error": error]
  }
}
