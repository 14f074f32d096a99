package import ImagePreparation
internal import Synchronization

/// Makes preparations wait while others use up the cores or the memory, or while prepared images that wait for their
/// upload use up their room.
///
/// An image takes one core; a huge image takes two cores if there are two. An image that needs more memory than the shared limit is
/// prepared alone, within its own limit. An image that needs more than the whole room for prepared images begins when no other image takes
/// any of this room.
package final class PreparationPlaces: Sendable {
  /// The pixels from which an image is prepared by two threads.
  private static let hugePixels = 50_000_000

  private struct Need {
    var cores: Int
    var bytes: Int
    /// The most bytes of the prepared image, and the limit of all images that wait for their upload.
    var room = Room()
  }

  /// The room for a prepared image until it is uploaded.
  private struct Room {
    /// The most bytes that the image takes.
    var bytes = 0
    /// The limit in bytes of all images that wait for their upload.
    var limit = Int.max
  }

  private struct State {
    var free: Need
    var running = 0
    /// The bytes of prepared images that wait for their upload, plus the most bytes of the images in preparation.
    var waitingBytes = 0
    var nextID = 0
    var waiting: [(id: Int, need: Need, continuation: CheckedContinuation<Void, any Error>)] = []

    /// Removes the waiters that may continue now, in turn, and returns them.
    mutating func admit() -> [CheckedContinuation<Void, any Error>] {
      var admitted: [CheckedContinuation<Void, any Error>] = []
      while let next = waiting.first, hasCores(for: next.need), hasRoom(for: next.need.room) {
        take(next.need)
        admitted.append(waiting.removeFirst().continuation)
      }
      return admitted
    }

    private func hasCores(for need: Need) -> Bool {
      running == 0 || need.cores <= free.cores && need.bytes <= free.bytes
    }

    private func hasRoom(for room: Room) -> Bool {
      waitingBytes == 0 || room.bytes <= room.limit - waitingBytes
    }

    mutating func take(_ need: Need) {
      running += 1
      waitingBytes += need.room.bytes
      free.cores -= need.cores
      free.bytes -= need.bytes
    }

    mutating func give(_ need: Need) {
      running -= 1
      free.cores += need.cores
      free.bytes += need.bytes
    }
  }

  private let state: Mutex<State>
  private let cores: Int
  /// The most images that are planned, or that wait for a place with their plan, at a time. The process of an isolated image waits with it.
  private let plans: Gate

  /// Makes places for a number of cores and of bytes of buffers.
  package init(cores: Int, bytes: Int) {
    self.cores = max(1, cores)
    plans = Gate(self.cores)
    state = Mutex(State(free: Need(cores: self.cores, bytes: bytes)))
  }

  /// Runs blocking work on an image as soon as there is room for it.
  ///
  /// - Parameters:
  ///   - source: The image, whose header gives the memory it needs. A source that can be read only once counts as an
  ///     average image.
  ///   - recipe: How it is prepared.
  ///   - preparer: Prepares it.
  ///   - roomLimit: The most bytes of all prepared images whose room is not released; nil if they take none.
  ///   - work: The work, with a preparer for its threads and the flag that cancellation raises.
  /// - Returns: The value that `work` returns, and the room that the prepared image takes until it is released.
  /// - Throws: `CancellationError` when the task is canceled while it waits, errors of the header, and the errors of `work`.
  package func enter<Value: Sendable>(
    for source: ImageSource, _ recipe: Recipe, _ preparer: ImagePreparer, roomLimit: Int? = nil,
    _ work: @escaping @Sendable (ImagePreparer, CancellationFlag) throws -> Value
  ) async throws -> (value: Value, room: HeldRoom) {
    var need = Need(cores: 1, bytes: 0)
    var preparer = preparer
    preparer.isolation = preparer.isolation?.ofOneImage
    // The most bytes of the file; nil if no plan is made.
    var fileBytes = recipe.output.budget?.bytes
    try await plans.enter()
    let planned = HeldPlace(plans)
    defer { planned.leave() }
    if !source.isReadOnce {
      let pixels: Int
      (pixels, need.bytes, fileBytes) = try await offThePool { [preparer, fileBytes] flag in
        // A plan that needs pixels would decode the image twice.
        if recipe.readsAgain(isPlanOnly: true) {
          return (try preparer.inspectBlocking(source).size.pixelCount, 0, fileBytes)
        }
        let (image, plan) = try preparer.planBlocking(of: source, as: recipe, cancellation: flag)
        return (image.size.pixelCount, plan.bufferBytes, plan.largestFileBytes)
      }
      if pixels >= Self.hugePixels, cores > 1 {
        need.cores = 2
        preparer.limits.threads = max(2, preparer.limits.threads)
      }
    }
    // If the size of the file has no known bound, the image takes the whole room.
    if let roomLimit { need.room = Room(bytes: fileBytes ?? roomLimit, limit: roomLimit) }
    try await enter(need)
    planned.leave()
    defer { change { $0.give(need) } }
    let held = HeldRoom(need.room.bytes, self)
    return (try await offThePool { [preparer] flag in try work(preparer, flag) }, held)
  }

  fileprivate func leave(_ bytes: Int) { change { $0.waitingBytes -= bytes } }

  private func enter(_ need: Need) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        change { $0.waiting.append((id, need, continuation)) }
        // If the task was canceled before this point, its handler ran before there was a waiter to remove.
        if Task.isCancelled { giveUp(id) }
      }
    } onCancel: {
      giveUp(id)
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let admitted = state.withLock { state in
      body(&state)
      return state.admit()
    }
    for continuation in admitted { continuation.resume() }
  }

  private func giveUp(_ id: Int) {
    var waiter: CheckedContinuation<Void, any Error>?
    change { state in
      waiter = state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
    }
    waiter?.resume(throwing: CancellationError())
  }
}

/// The room that a prepared image takes until it is uploaded. It shrinks when the image's size is known, and is given
/// back when this value is released.
package final class HeldRoom: Sendable {
  private let bytes: Mutex<Int>
  private let places: PreparationPlaces

  fileprivate init(_ bytes: Int, _ places: PreparationPlaces) {
    self.bytes = Mutex(bytes)
    self.places = places
  }

  deinit { places.leave(bytes.withLock(\.self)) }

  /// Gives back the part that the image does not need.
  func shrink(to size: Int) {
    let rest = bytes.withLock { bytes in
      defer { bytes = min(bytes, size) }
      return max(0, bytes - size)
    }
    places.leave(rest)
  }
}
