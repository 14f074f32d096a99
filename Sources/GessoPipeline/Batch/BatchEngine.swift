internal import Synchronization

/// Works on many items, several at a time. They begin in their order, and nothing is kept of one that has ended.
struct BatchEngine: Sendable {
  /// The number of items.
  let count: Int
  /// How many are under way at a time, from 1.
  let width: Int
  /// How many of them may hold their ``HeldPlace``, from 1.
  var ahead = Int.max

  /// Works on the items.
  ///
  /// - Parameters:
  ///   - room: Waits until the next one may begin, as its listener reads.
  ///   - goesOn: False once no more may begin.
  ///   - work: The work on an item, by its place among them, from 0. It ends by itself when its task is canceled.
  /// - Throws: `CancellationError` after a cancellation, which begins no more.
  func run(
    room: () async -> Void = {}, while goesOn: () -> Bool = { true },
    _ work: @escaping @Sendable (_ index: Int, _ place: HeldPlace) async -> Void
  ) async throws {
    let (underWay, places) = (Gate(max(1, width)), Gate(max(1, ahead)))
    await withDiscardingTaskGroup { group in
      for index in 0..<count {
        await room()
        do {
          try await underWay.enter()
          try await places.enter()
        } catch {
          break
        }
        guard goesOn(), !Task.isCancelled else { break }
        let place = HeldPlace(places)
        group.addTask {
          await work(index, place)
          place.leave()
          underWay.leave()
        }
      }
    }
    try Task.checkCancellation()
  }
}

/// A place in a gate that is given up once, however often it is asked for.
final class HeldPlace: Sendable {
  private let gate: Gate
  private let isHeld = Mutex(true)

  init(_ gate: Gate) { self.gate = gate }

  func leave() {
    let wasHeld = isHeld.withLock { isHeld in
      defer { isHeld = false }
      return isHeld
    }
    if wasHeld { gate.leave() }
  }
}

/// The ends of items, reported in the order of the items, whatever the order in which they come.
final class EndsInOrder<End: Sendable>: Sendable {
  private let state = Mutex<(reported: Int, waiting: [Int: End])>((0, [:]))
  private let report: @Sendable (End) -> Void

  init(_ report: @escaping @Sendable (End) -> Void) { self.report = report }

  func add(_ index: Int, _ end: End) {
    // Reported under the lock, so that no later end overtakes.
    state.withLock { state in
      state.waiting[index] = end
      while let next = state.waiting.removeValue(forKey: state.reported) {
        report(next)
        state.reported += 1
      }
    }
  }
}
