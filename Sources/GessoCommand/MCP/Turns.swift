/// Has work done one after the other: each image takes all cores, and memory for one at a time.
actor Turns {
  private var last: Task<Void, Never>?

  /// Runs `work` after all that was given before. Canceling the task cancels it, and it does not begin if it waits.
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
