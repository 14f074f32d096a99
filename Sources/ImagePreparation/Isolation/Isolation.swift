/// Which images are prepared in processes of their own, and by what.
package struct Isolation: Sendable {
  /// The images that are isolated.
  package enum Scope: Sendable {
    /// All.
    case all
    /// Those in memory: what was fetched from an address, and what came through a pipe and is read twice.
    case memory
  }

  package let scope: Scope
  let workers: any ImageWorkers

  package init(_ scope: Scope, by workers: any ImageWorkers) { (self.scope, self.workers) = (scope, workers) }
}

/// Processes that carry out tasks.
package protocol ImageWorkers: Sendable {
  /// Has a process carry out a task.
  ///
  /// - Throws: The error of the task, or `helperFailed` where there is no result.
  func result(
    of task: IsolatedTask, _ source: IsolatedSource, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> IsolatedResult
}
