internal import Ground
package import ScenarioAPI

/// The failure of an action of a run, with an error of any module.
package struct RunFailure: Error, Equatable {
  /// The error as it was thrown.
  package let error: any Error

  /// Wraps an error; a wrapped error is not wrapped again.
  package init(_ error: any Error) { self.error = (error as? RunFailure)?.error ?? error }

  /// The error as an error of the service's client; nil for another type.
  package var service: ScenarioError? { error as? ScenarioError }

  /// True when the task was canceled, whichever module's error reports it.
  package var isCancellation: Bool { publicError(error) is CancellationError }

  /// True when the same order would fail again, and no job can have been started.
  package var isLasting: Bool {
    if isCancellation || error is PipelineError || error is Brake.Stopped { return false }
    guard let service else { return true }
    return !service.isRetryable && !service.mayHaveStartedJob
  }

  package static func == (a: RunFailure, b: RunFailure) -> Bool {
    type(of: a.error) == type(of: b.error) && "\(a.error)" == "\(b.error)"
  }
}
