/// Runs work consecutively, because each image takes all cores and may take all memory.
actor Turns {
  private var last: Task<Void, Never>?

  /// Runs `work` after all earlier work. Canceling the task cancels the work, or keeps it from beginning.
  func take<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let before = last
    let task = Task {
      await before?.value
      try Task.checkCancellation()
      return try await work()
    }
    last = Task { _ = await task.result }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
