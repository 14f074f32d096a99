internal import Ground
internal import ImagePreparation

/// Runs work that blocks on a thread of its own, because other tasks wait for the threads of the concurrency pool.
///
/// Canceling the task raises the flag that `work` gets.
func offThePool<Result: Sendable>(
  _ flag: CancellationFlag = CancellationFlag(), _ work: @escaping @Sendable (CancellationFlag) throws -> Result
) async throws -> Result {
  try await BlockingWork.run(onCancel: { flag.cancel() }) { try work(flag) }
}
