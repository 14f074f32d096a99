internal import ImagePreparation
package import ScenarioAPI

/// Why an action of a run failed, of whatever module the error is.
package struct RunFailure: Error, Equatable {
  /// The error as it was thrown.
  package let error: any Error

  /// Wraps an error; one that is wrapped already stays as it is.
  package init(_ error: any Error) { self.error = (error as? RunFailure)?.error ?? error }

  /// The error of the service's client, if it is one.
  package var service: ScenarioError? { error as? ScenarioError }

  /// True when the task was canceled, whichever module noticed.
  package var isCancellation: Bool {
    switch error {
    case let error as ScenarioError: error.code == .canceled
    case let error as PreparationError: error.code == .canceled
    default: error is CancellationError
    }
  }

  /// True when the same order would fail again, and no job can have been started.
  package var isLasting: Bool {
    if isCancellation || error is PipelineError { return false }
    guard let service else { return true }
    return !service.isRetryable && !service.mayHaveStartedJob
  }

  /// What callers catch: the error itself, and `CancellationError` for every form of cancellation.
  package var publicError: any Error { isCancellation ? CancellationError() : error }

  package static func == (a: RunFailure, b: RunFailure) -> Bool {
    type(of: a.error) == type(of: b.error) && "\(a.error)" == "\(b.error)"
  }
}
