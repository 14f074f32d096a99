internal import Foundation
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// What the failure of one order means for the others of its batch.
package enum BatchFailure: Sendable {
  /// The order was canceled or stopped.
  case none
  /// The order failed for a reason of its own, and would fail again.
  case own
  /// The service could not be reached, or did not answer in time: the order goes on later, and the others may do better.
  case passing
  /// Every other order would meet it too.
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
  /// The words of an error, as libraries have them.
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
