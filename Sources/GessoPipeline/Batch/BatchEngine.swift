internal import Synchronization

/// Works on many items, several at a time, and begins them in order. An item that has ended takes no memory.
struct BatchEngine: Sendable {
  /// The number of items.
  let count: Int
  /// The most items in progress at a time, from 1.
  let width: Int
  /// The most of these items that hold their ``HeldPlace``, from 1.
  var ahead = Int.max

  /// Works on the items.
  ///
  /// - Parameters:
  ///   - room: Waits until the next item may begin, which is when the listener has read enough events.
  ///   - goesOn: False when no more items may begin.
  ///   - work: The work on the item with this index, from 0. It must end when its task is canceled.
  /// - Throws: `CancellationError` after a cancellation, which also stops new items from beginning.
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

/// A place in a gate. Only the first call of ``leave()`` gives the place up; later calls do nothing.
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

/// Reports the ends of items in the order of the items, although items end in any order.
final class EndsInOrder<End: Sendable>: Sendable {
  private let state = Mutex<(reported: Int, waiting: [Int: End])>((0, [:]))
  private let report: @Sendable (End) -> Void

  init(_ report: @escaping @Sendable (End) -> Void) { self.report = report }

  func add(_ index: Int, _ end: End) {
    // The end is reported while the lock is held, so that a later end cannot be reported first.
    state.withLock { state in
      state.waiting[index] = end
      while let next = state.waiting.removeValue(forKey: state.reported) {
        report(next)
        state.reported += 1
      }
    }
  }
}
