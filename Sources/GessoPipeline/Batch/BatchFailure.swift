internal import Foundation
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// The effect of one order's failure on the others of its batch.
package enum BatchFailure: Sendable {
  /// The order was canceled or stopped.
  case none
  /// Only this order is affected, and it would fail again.
  case own
  /// The service could not be reached, or did not answer in time: the order can continue later, and the other orders
  /// may succeed.
  case passing
  /// Every other order would fail in the same way.
  case ofAll

  package init(_ error: any Error) {
    switch error {
    case is CancellationError, is Brake.Stopped: self = .none
    case let error as ScenarioError: self = Self.meaning(of: error)
    case let error as PipelineError:
      self =
        switch error.code {
        case .ledgerUnavailable, .otherService, .tooExpensive: .ofAll
        case .runInProgress: .passing
        default: .own
        }
    case let error as PreparationError: self = error.code == .writeFailed ? .ofAll : .own
    default: self = .own
    }
  }

  private static func meaning(of error: ScenarioError) -> BatchFailure {
    switch error.code {
    case .credentialsRefused, .creditExhausted, .quotaExhausted, .invalidConfiguration, .insecureURL, .writeFailed:
      .ofAll
    case .unreachable, .tlsFailed, .connectionLost, .timedOut, .transportFailed, .coolingDown, .concurrencyLimit,
      .throttled, .serviceFailed, .deadlineExceeded:
      .passing
    default: .own
    }
  }
}

extension FailureRecord {
  /// Message and remedy of an error as the libraries word them, without the command's flags.
  public init(_ error: any Error) {
    guard let failure = error as? any GessoFailure else {
      self.init(code: "unexpected", stage: "configure", message: reason(of: error), remedy: "report this")
      return
    }
    self.init(of: failure)
  }

  private init(of failure: some GessoFailure) {
    self.init(
      code: failure.code.rawValue, stage: failure.stage.rawValue, message: failure.message,
      remedy: "\(failure.remedy)")
  }
}
