internal import Dispatch

/// Work that blocks its thread, such as decoding or reading a file, on a thread outside of the pool that all tasks share.
package enum BlockingWork {
  /// Runs `work` and returns what it returns.
  ///
  /// - Parameters:
  ///   - onCancel: Called at once, from any thread, when the task is canceled; `work` has to notice by itself.
  ///   - work: What is done; it is always run, and waited for.
  package static func run<Success: Sendable, Failure: Error>(
    onCancel: @escaping @Sendable () -> Void = {}, _ work: @escaping @Sendable () throws(Failure) -> Success
  ) async throws(Failure) -> Success {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Result<Success, Failure>, Never>) in
        DispatchQueue.global().async { continuation.resume(returning: Result(catching: work)) }
      }
    } onCancel: {
      onCancel()
    }
    return try result.get()
  }
}
