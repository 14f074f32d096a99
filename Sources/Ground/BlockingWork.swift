internal import Dispatch

/// Runs work that blocks its thread, such as decoding or reading a file, outside of the thread pool that all tasks share.
package enum BlockingWork {
  /// Runs `work` and returns what it returns.
  ///
  /// - Parameters:
  ///   - onCancel: Called at once, from any thread, when the task is canceled. It does not end `work`, which has to check for
  ///     itself.
  ///   - work: The work. It always runs, even in a task that is canceled already, and the call waits for its end.
  /// - Returns: The value that `work` returns.
  /// - Throws: Only the error that `work` throws, never `CancellationError`.
  package static func run<Success: Sendable, Failure: Error>(
    onCancel: @escaping @Sendable () -> Void = {}, _ work: @escaping @Sendable () throws(Failure) -> Success
  ) async throws(Failure) -> Success {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Result<Success, Failure>, Never>) in
        // A new serial queue gets a thread at once. On Linux the global queue adds only one thread a second once all are blocked.
        DispatchQueue(label: "blocking work").async { continuation.resume(returning: Result(catching: work)) }
      }
    } onCancel: {
      onCancel()
    }
    return try result.get()
  }
}
