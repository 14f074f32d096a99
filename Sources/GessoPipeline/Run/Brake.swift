internal import Synchronization

/// Stops the orders of a batch before they submit: all of them after a failure that each would meet, or at the number of jobs that
/// was allowed. Jobs that run go on.
final class Brake: Sendable {
  /// An order was stopped by what another one met, or by the number of jobs. It has no job, and nothing is wrong with it.
  struct Stopped: Error {}

  private struct State {
    var reason: (any Error)?
    /// The submits that have begun and were not refused.
    var submits = 0
  }

  private let state = Mutex(State())
  private let maxJobs: Int?

  /// Makes a brake that stops after so many jobs; nil for any number.
  init(maxJobs: Int? = nil) { self.maxJobs = maxJobs }

  /// The reason why orders are stopped; nil while they are not.
  var reason: (any Error)? { state.withLock(\.reason) }

  /// True where no order may submit any more.
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

  /// Counts a submit no more: it certainly started no job.
  func endSubmit() { state.withLock { $0.submits -= 1 } }
}
