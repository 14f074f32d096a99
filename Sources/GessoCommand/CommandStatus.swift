package import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI

/// The exit status of the command, for scripts.
package enum CommandStatus: Int32, Sendable {
  /// All done.
  case done = 0
  /// Some of several inputs failed, or all failed for different reasons; the others are done.
  case someFailed = 1
  /// A bad flag or value, or an output that may not be written over.
  case usage = 2
  /// An input could not be read or is not a supported image.
  case badInput = 3
  /// An input is above a limit.
  case limit = 4
  /// Credentials are missing or were refused.
  case credentials = 5
  /// The service refused the request.
  case refused = 6
  /// Network or service unavailable after retries.
  case unavailable = 7
  /// The job ended with `failure` or `canceled`.
  case jobFailed = 8
  /// The time to wait for the job is over.
  case timedOut = 9
  /// A result or the ledger could not be written.
  case cannotWrite = 10
  /// Interrupted. A process that a signal interrupted ends by that signal instead; a shell shows 130 for Ctrl-C.
  case interrupted = 130

  /// The status for a failure of any module.
  package init(_ failure: some GessoFailure) {
    self =
      switch failure {
      case let error as PreparationError: Self(error.code)
      case let error as ScenarioError: Self(error.code)
      case let error as PipelineError: Self(error.code)
      default: .usage
      }
  }

  private init(_ code: PreparationError.Code) {
    self =
      switch code {
      case .invalidRecipe, .outputExists, .outputIsInput: .usage
      case .tooManyPixels, .tooMuchMemory, .limitExceeded, .overBudget, .outOfMemory: .limit
      case .writeFailed: .cannotWrite
      case .canceled: .interrupted
      default: .badInput
      }
  }

  private init(_ code: ScenarioError.Code) {
    self =
      switch code {
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
  }

  private init(_ code: PipelineError.Code) {
    self =
      switch code {
      case .ledgerUnavailable: .cannotWrite
      case .otherService: .credentials
      case .jobFailed, .jobCanceled: .jobFailed
      case .tooExpensive: .limit
      case .noSubstitute, .resultsGone: .refused
      case .needsDecision: .unavailable
      case .unexpectedEvent, .tooManyFailures: .someFailed
      default: .usage
      }
  }

  /// The status of a run over several inputs with these failures.
  ///
  /// If all inputs failed with one status, the result is that status; otherwise it is ``someFailed``. An interruption takes precedence.
  package init(failures: [CommandStatus], of count: Int) {
    if failures.isEmpty {
      self = .done
    } else if failures.contains(.interrupted) {
      self = .interrupted
    } else if failures.count == count, Set(failures).count == 1 {
      self = failures[0]
    } else {
      self = .someFailed
    }
  }
}
