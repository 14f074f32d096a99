internal import Ground

/// The bounded queue of strips between the decoder's thread and the one that resizes and encodes.
///
/// Whichever thread would otherwise block completes a strip, which is the deferred part of its decoding: one strip at a time, in
/// order. Neither side spins: each waits on a condition until the other has moved on or has given up.
@safe
final class StripQueue: @unchecked Sendable {
  // Unchecked: all state is read and written under the mutex.

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  private var decoded = 0
  /// The number of strips that may be consumed: all decoded strips where no decoding is deferred.
  private var completed = 0
  private var isCompleting = false
  private let defers: Bool
  /// The strip before which all strips may be written.
  private var room: Int
  private var failure: PreparationError?
  private var isAbandoned = false

  /// The next step of one side.
  enum Step {
    /// Decode, or consume, the requested strip.
    case go
    /// Complete this strip, then call ``didComplete()``.
    case complete(Int)
    /// Do other work: the other side has not come that far.
    case wait
    /// End: no more strips are needed.
    case end
  }

  /// Makes a queue.
  ///
  /// - Parameters:
  ///   - room: The number of strips that may be decoded before any is released.
  ///   - defers: True when strips have to be completed before they are consumed.
  init(room: Int, defers: Bool) {
    self.room = room
    self.defers = defers
    unsafe mutex = .allocate(capacity: 1)
    unsafe moved = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(moved, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(moved)
    unsafe pthread_mutex_destroy(mutex)
    unsafe moved.deallocate()
    unsafe mutex.deallocate()
  }

  /// Waits until strip `index` may be written, or another strip can be completed meanwhile.
  func nextForDecoder(index: Int) -> Step {
    locked {
      while !isAbandoned {
        if index < room { return .go }
        if let strip = claim() { return .complete(strip) }
        unsafe pthread_cond_wait(moved, mutex)
      }
      return .end
    }
  }

  /// Records that strip `index` has been written.
  func didDecode(index: Int) {
    change {
      decoded = index + 1
      if !defers { completed = decoded }
    }
  }

  /// Records that decoding failed, so that no strip will follow.
  func fail(_ error: PreparationError) { change { failure = error } }

  /// Returns when strip `index` may be consumed, or when another strip can be completed meanwhile.
  ///
  /// - Parameters:
  ///   - index: The strip that the consumer needs next.
  ///   - waits: If false, returns `.wait` instead of blocking.
  /// - Returns: The consumer's next step.
  /// - Throws: The decoder's error, if it failed before this strip.
  func nextForConsumer(index: Int, waits: Bool) throws(PreparationError) -> Step {
    let result = locked { () -> Result<Step, PreparationError> in
      while true {
        if index < completed { return .success(.go) }
        if let strip = claim() { return .success(.complete(strip)) }
        if index >= decoded, let failure { return .failure(failure) }
        if !waits { return .success(.wait) }
        unsafe pthread_cond_wait(moved, mutex)
      }
    }
    return try result.get()
  }

  /// Records that the strip of a `complete` step is completed.
  func didComplete() {
    change {
      completed += 1
      isCompleting = false
    }
  }

  /// The next strip to complete, unless the other side is completing one. To be called under the mutex.
  private func claim() -> Int? {
    guard defers, completed < decoded, !isCompleting else { return nil }
    isCompleting = true
    return completed
  }

  /// Releases strips, so that all strips before `room` may be written.
  func release(upTo room: Int) { change { self.room = max(self.room, room) } }

  /// Stops the decoder.
  func abandon() { change { isAbandoned = true } }

  private func change(_ body: () -> Void) {
    locked {
      body()
      unsafe pthread_cond_broadcast(moved)
    }
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }
}
