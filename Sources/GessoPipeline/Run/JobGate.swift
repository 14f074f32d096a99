internal import Synchronization

/// Holds submits back while as many jobs run as the account's plan allows, once the service has said how many that are.
///
/// The ceiling is the team's, so one gate is shared by everything that submits for an account in this process.
final class JobGate: Sendable {
  private struct State {
    var limit: Int?
    var running = 0
    var nextID = 0
    var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []

    /// Those who may go on now.
    mutating func admit() -> [CheckedContinuation<Void, any Error>] {
      var admitted: [CheckedContinuation<Void, any Error>] = []
      while !waiting.isEmpty, running < limit ?? .max {
        running += 1
        admitted.append(waiting.removeFirst().continuation)
      }
      return admitted
    }
  }

  private let state = Mutex(State())

  /// Waits for a place.
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
        // A task canceled before this point had its handler run before there was anything to give up.
        if Task.isCancelled { giveUp(id) }
      }
    } onCancel: {
      giveUp(id)
    }
  }

  /// Gives the place up: the job has ended, or there is none.
  func leave() { change { $0.running -= 1 } }

  /// The service refused a submit because of the ceiling; the place that was held for it is given up.
  ///
  /// - Parameter limit: The ceiling, where the service names it; else one less than were running.
  /// - Returns: False when no other job of this process runs, so that waiting for one would be waiting for somebody else.
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
