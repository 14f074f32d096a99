internal import Ground
internal import ImagePreparation

/// Runs blocking work outside of the concurrency pool, whose few threads all other tasks need.
///
/// Canceling the task raises the flag that `work` receives.
func offThePool<Result: Sendable>(
  _ flag: CancellationFlag = CancellationFlag(), _ work: @escaping @Sendable (CancellationFlag) throws -> Result
) async throws -> Result {
  try await BlockingWork.run(onCancel: { flag.cancel() }) { try work(flag) }
}
