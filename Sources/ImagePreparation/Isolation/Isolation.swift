/// The images that are prepared in processes of their own, and the workers that do it.
package struct Isolation: Sendable {
  /// The images that are isolated.
  package enum Scope: Sendable {
    /// All images.
    case all
    /// Images in memory: those fetched from an address, and those that came through a pipe and are read twice.
    case memory
  }

  package let scope: Scope
  let workers: any ImageWorkers

  package init(_ scope: Scope, by workers: any ImageWorkers) { (self.scope, self.workers) = (scope, workers) }

  /// The isolation of one image, of which first a plan and then a result is made: one process does both.
  package var ofOneImage: Isolation { Isolation(scope, by: workers.forOneImage()) }
}

/// Processes that carry out tasks.
package protocol ImageWorkers: Sendable {
  /// Makes a process carry out a task.
  ///
  /// - Throws: The error of the task, or `helperFailed` if there is no result.
  func result(
    of task: IsolatedTask, _ source: IsolatedSource, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> IsolatedResult

  /// Processes for the tasks on one image. They may share a process.
  func forOneImage() -> any ImageWorkers
}
