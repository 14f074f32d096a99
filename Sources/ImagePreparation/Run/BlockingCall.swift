internal import Ground

/// Runs the methods of ``ImagePreparer`` outside of the cooperative pool.
enum BlockingCall {
  /// Runs work outside of the pool.
  ///
  /// - Parameter work: The work. It polls its flag, which is raised when the task is canceled.
  /// - Returns: The value that `work` returns.
  /// - Throws: The error that `work` throws; `CancellationError` in place of `canceled`.
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
