internal import Synchronization

/// Stops the orders of a batch before they submit, if one order fails in a way that every other order would share, or if the allowed number
/// of jobs is reached. Running jobs continue.
final class Brake: Sendable {
  /// An order was stopped because of another order's failure or the number of jobs. It has no job, and no fault of its
  /// own.
  struct Stopped: Error {}

  private struct State {
    var reason: (any Error)?
    /// The number of submits that have begun and were not refused.
    var submits = 0
  }

  private let state = Mutex(State())
  private let maxJobs: Int?

  /// Makes a brake that stops after `maxJobs` jobs; nil for no limit.
  init(maxJobs: Int? = nil) { self.maxJobs = maxJobs }

  /// The reason why orders are stopped; nil while they are not.
  var reason: (any Error)? { state.withLock(\.reason) }

  /// True when no more orders may submit.
  var isOn: Bool { state.withLock { $0.reason != nil || $0.submits >= maxJobs ?? .max } }

  /// Stops the orders.
  ///
  /// - Returns: True for the first reason; later ones do not count.
  func stop(_ reason: any Error) -> Bool {
    state.withLock { state in
      guard state.reason == nil else { return false }
      state.reason = reason
      return true
    }
  }

  /// Lets an order go on.
  ///
  /// - Throws: ``Stopped``.
  func check() throws { if isOn { throw Stopped() } }

  /// Counts a submit that is about to be sent.
  ///
  /// - Throws: ``Stopped``.
  func beginSubmit() throws {
    try state.withLock { state in
      guard state.reason == nil, state.submits < maxJobs ?? .max else { throw Stopped() }
      state.submits += 1
    }
  }

  /// Subtracts a submit that certainly started no job.
  func endSubmit() { state.withLock { $0.submits -= 1 } }
}
