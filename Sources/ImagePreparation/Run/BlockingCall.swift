internal import Ground

/// A verb of ``ImagePreparer`` off the cooperative pool.
enum BlockingCall {
  /// Runs work off the pool.
  ///
  /// - Parameter work: Polls the flag, which is raised when the task is canceled.
  /// - Throws: What `work` throws; `CancellationError` in place of `canceled`.
  static func run<Result: Sendable>(
    _ work: @escaping @Sendable (CancellationFlag) throws(PreparationError) -> Result
  ) async throws -> Result {
    try Task.checkCancellation()
    let flag = CancellationFlag()
    do throws(PreparationError) {
      return try await BlockingWork.run(onCancel: { flag.cancel() }) { () throws(PreparationError) in try work(flag) }
    } catch {
      throw error.code == .canceled ? CancellationError() : error as any Error
    }
  }
}
