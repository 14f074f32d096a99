internal import Synchronization

/// Limits the number of tasks of one kind that run at a time: a task waits for a place.
final class Gate: Sendable {
  private struct State {
    /// The number of places; nil while it is not known.
    var limit: Int?
    var running = 0
    var nextID = 0
    var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []

    /// Removes the waiters that may continue now, and returns them.
    mutating func admit() -> [CheckedContinuation<Void, any Error>] {
      var admitted: [CheckedContinuation<Void, any Error>] = []
      while !waiting.isEmpty, running < limit ?? .max {
        running += 1
        admitted.append(waiting.removeFirst().continuation)
      }
      return admitted
    }
  }

  private let state: Mutex<State>

  /// Makes a gate.
  ///
  /// - Parameter limit: The number of places; nil if the number is not known until the service refuses a submit.
  init(_ limit: Int? = nil) { state = Mutex(State(limit: limit)) }

  /// Waits for a place, in turn.
  ///
  /// - Throws: `CancellationError` when the task is canceled while it waits.
  func enter() async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        change { $0.waiting.append((id, continuation)) }
        // If the task was canceled before this point, its handler ran before there was a waiter to remove.
        if Task.isCancelled { giveUp(id) }
      }
    } onCancel: {
      giveUp(id)
    }
  }

  /// Gives the place up, because the job has ended or no job was started.
  func leave() { change { $0.running -= 1 } }

  /// Records that the service refused a submit because of the ceiling, and gives up the place that was held for it.
  ///
  /// - Parameter limit: The ceiling, if the service names it. If it is nil, the ceiling is one less than the jobs that were running.
  /// - Returns: False if no other job of this process is running, so that only other processes can make room.
  func learn(_ limit: Int?) -> Bool {
    var hasOthers = false
    change { state in
      let ceiling = max(1, limit ?? state.running - 1)
      state.limit = min(state.limit ?? ceiling, ceiling)
      state.running -= 1
      hasOthers = state.running > 0
    }
    return hasOthers
  }

  private func change(_ body: (inout State) -> Void) {
    let admitted = state.withLock { state in
      body(&state)
      return state.admit()
    }
    for continuation in admitted { continuation.resume() }
  }

  private func giveUp(_ id: Int) {
    let waiter = state.withLock { state in
      state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
    }
    waiter?.resume(throwing: CancellationError())
  }
}
