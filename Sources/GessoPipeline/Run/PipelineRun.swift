internal import Synchronization

/// Work of the pipeline that goes on: what happens as it goes, and what comes of it.
///
/// It runs whether or not somebody listens, on threads of its own: whoever starts it is never held up. Canceling the task
/// that waits for ``result`` or goes through ``events`` cancels the work; so does ``cancel()``. Nothing is submitted after
/// that, but the answer to a submit that has left is waited for and put on record, so ``result`` may take a while to throw
/// `CancellationError`.
public struct PipelineRun<Event: Sendable, Success: Sendable>: Sendable {
  /// What happens, in order, up to the end of the work. Events are kept until somebody takes them or this value goes.
  public let events: RunEvents<Event>
  private let task: Task<Success, any Error>

  /// Starts work.
  ///
  /// - Parameter work: Gets what takes the events.
  init(_ work: @escaping @Sendable (@escaping @Sendable (Event) -> Void) async throws -> Success) {
    let queue = EventQueue<Event>()
    let task = Task { @concurrent in
      defer { queue.finish() }
      do {
        return try await work { queue.add($0) }
      } catch {
        throw RunFailure(error).publicError
      }
    }
    self.task = task
    events = RunEvents(queue: queue) { task.cancel() }
  }

  /// What came of the work, once it has ended.
  ///
  /// - Throws: What the verb that started it names, or `CancellationError`.
  public var result: Success {
    get async throws {
      try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }

  /// Cancels the work.
  public func cancel() { task.cancel() }
}

/// What happens in a ``PipelineRun``, in order. Each event is taken once, so there is one listener.
///
/// Canceling the listening task cancels the work; the sequence goes on until the work has ended, because a job that was
/// submitted meanwhile is news.
public struct RunEvents<Event: Sendable>: AsyncSequence, Sendable {
  let queue: EventQueue<Event>
  let cancel: @Sendable () -> Void

  /// Takes one event after the other.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let queue: EventQueue<Event>
    let cancel: @Sendable () -> Void

    /// The next event, or nil at the end of the work.
    public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async -> Event? {
      await withTaskCancellationHandler {
        await queue.next()
      } onCancel: { [cancel] in
        cancel()
      }
    }
  }

  /// Starts listening.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue, cancel: cancel) }
}

/// Events between the work, which adds them, and the listener, who takes them.
final class EventQueue<Event: Sendable>: Sendable {
  private struct State {
    var events: [Event] = []
    var isFinished = false
    var listeners: [CheckedContinuation<Event?, Never>] = []
  }

  private let state = Mutex(State())

  func add(_ event: Event) {
    let listener = state.withLock { state -> CheckedContinuation<Event?, Never>? in
      guard state.listeners.isEmpty else { return state.listeners.removeFirst() }
      state.events.append(event)
      return nil
    }
    listener?.resume(returning: event)
  }

  func finish() {
    let listeners = state.withLock { state in
      state.isFinished = true
      defer { state.listeners = [] }
      return state.listeners
    }
    for listener in listeners { listener.resume(returning: nil) }
  }

  /// The next event; nil after the last.
  func next() async -> Event? {
    await withCheckedContinuation { continuation in
      let next = state.withLock { state -> Event?? in
        if !state.events.isEmpty { return .some(state.events.removeFirst()) }
        if state.isFinished { return .some(nil) }
        state.listeners.append(continuation)
        return .none
      }
      if let next { continuation.resume(returning: next) }
    }
  }
}
