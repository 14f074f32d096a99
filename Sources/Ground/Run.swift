internal import Synchronization

/// Work in progress, with its events and its result.
///
/// It runs on its own threads, whether or not its events are read, and never blocks its caller. Canceling the task that waits for
/// ``result`` or iterates over ``events`` cancels the work; so does ``cancel()``. Nothing is submitted after a cancellation. If a submit
/// was sent before, its reply is still waited for and recorded, so ``result`` may take a while to throw `CancellationError`.
public struct Run<Event: Sendable, Success: Sendable>: Sendable {
  /// The events in order, up to the end of the work. They are kept until they are read or this value is released.
  public let events: RunEvents<Event>
  private let task: Task<Success, any Error>

  /// Starts work.
  ///
  /// - Parameter work: Receives the function to report events with.
  package init(_ work: @escaping @Sendable (@escaping @Sendable (Event) -> Void) async throws -> Success) {
    self.init(pacing: { report, _ in try await work(report) })
  }

  /// Starts work that reports any number of events. The work pauses while its listener has many events to read.
  ///
  /// - Parameter work: Receives a function that reports an event, and a function that waits until few events are unread. Without a
  ///   listener, this wait ends only with a cancellation.
  package init(
    pacing work:
      @escaping @Sendable (
        _ report: @escaping @Sendable (Event) -> Void, _ room: @escaping @Sendable () async -> Void
      ) async throws -> Success
  ) {
    let queue = EventQueue<Event>()
    let task = Task { @concurrent in
      defer { queue.finish() }
      do {
        return try await work({ queue.add($0) }, { await queue.room() })
      } catch {
        throw publicError(error)
      }
    }
    self.task = task
    events = RunEvents(queue: queue) { task.cancel() }
  }

  /// The result of the work, once it has ended.
  ///
  /// - Throws: An error that the method which started the work documents, or `CancellationError`.
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

/// The events of a ``Run``, in order. Each event is delivered once, so there should be one listener.
///
/// Canceling the listening task cancels the work. The sequence continues until the work has ended, because the work may still report a job
/// that was submitted meanwhile.
public struct RunEvents<Event: Sendable>: AsyncSequence, Sendable {
  let queue: EventQueue<Event>
  let cancel: @Sendable () -> Void

  /// Reads one event after the other.
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

/// The queue between the work, which adds events, and the listener, which takes them.
final class EventQueue<Event: Sendable>: Sendable {
  private struct State {
    var events: [Event] = []
    var isFinished = false
    var listeners: [CheckedContinuation<Event?, Never>] = []
    /// Work that waits until few events are unread.
    var paced: [CheckedContinuation<Void, Never>] = []
    var isReleased = false

    /// The paced work that may continue now.
    mutating func admit() -> [CheckedContinuation<Void, Never>] {
      guard isReleased || events.count < EventQueue.room else { return [] }
      defer { paced = [] }
      return paced
    }
  }

  /// The number of unread events from which on paced work waits.
  private static var room: Int { 256 }

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
      let (next, paced) = state.withLock { state -> (Event??, [CheckedContinuation<Void, Never>]) in
        if !state.events.isEmpty { return (.some(state.events.removeFirst()), state.admit()) }
        if state.isFinished { return (.some(nil), []) }
        state.listeners.append(continuation)
        return (.none, [])
      }
      if let next { continuation.resume(returning: next) }
      for work in paced { work.resume() }
    }
  }

  /// Waits until few events are unread, or the task is canceled.
  func room() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let paced = state.withLock { state in
          state.paced.append(continuation)
          return state.admit()
        }
        for work in paced { work.resume() }
      }
    } onCancel: {
      let paced = state.withLock { state in
        state.isReleased = true
        return state.admit()
      }
      for work in paced { work.resume() }
    }
  }
}
