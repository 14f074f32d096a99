internal import Foundation
internal import Synchronization

/// The places that the runs of a pipeline wait for.
final class RunPlaces: Sendable {
  /// Jobs at the service. The account's plan limits them, and the limit is unknown until a submit is refused because of
  /// it. All runs of a pipeline share one account and therefore one limit.
  let jobs = Gate()
  /// Images that are prepared at a time. More than the number of cores would only take more memory.
  let preparations: PreparationPlaces

  /// A gate with one place, and the runs that use it.
  private struct Turn {
    let gate = Gate(1)
    var runs = 0
  }

  /// The folders of orders so far.
  private let folders = Mutex<Set<String>>([])
  /// Images that are read for their digests at a time. More than the number of cores would only take more threads, each
  /// with memory of its own.
  private let readings: Gate
  private let turns = Mutex<[String: Turn]>([:])

  /// Makes the places.
  ///
  /// - Parameter memory: The most bytes of the buffers of all images that are prepared at a time.
  init(memory: Int) {
    let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
    preparations = PreparationPlaces(cores: cores, bytes: memory)
    readings = Gate(cores)
  }

  /// Runs work that reads images from end to end, outside of the concurrency pool.
  func reading<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await readings.enter()
    defer { readings.leave() }
    return try await offThePool { _ in try work() }
  }

  /// True for the first order in a folder: the folder is searched only once, because each search takes longer as
  /// results are added.
  func isFirst(in folder: String) -> Bool { folders.withLock { $0.insert(folder).inserted } }

  /// Runs `body` after other runs of the same order, so that it finds their finished run and nothing is paid twice.
  ///
  /// - Parameters:
  ///   - key: The order's key, or another name for the work.
  ///   - body: The work on it.
  /// - Returns: The value that `body` returns.
  /// - Throws: `CancellationError` when the task is canceled while it waits, and the errors of `body`.
  func inTurn<Value>(_ key: String, _ body: () async throws -> Value) async throws -> Value {
    let gate = turns.withLock { turns in
      turns[key, default: Turn()].runs += 1
      return turns[key, default: Turn()].gate
    }
    defer {
      turns.withLock { turns in
        turns[key]?.runs -= 1
        if turns[key]?.runs == 0 { turns[key] = nil }
      }
    }
    try await gate.enter()
    defer { gate.leave() }
    return try await body()
  }
}
