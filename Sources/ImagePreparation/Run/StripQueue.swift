internal import Ground

/// The bounded queue of strips between the decoder's thread and the one that resizes and encodes.
///
/// A thread that would otherwise block completes a strip: it does the deferred part of the strip's decoding. Strips are completed one at a
/// time, in order; independent strips may be completed at the same time. Neither side spins: each waits on a condition until the other side
/// has made progress or has stopped.
@safe
final class StripQueue: @unchecked Sendable {
  // Unchecked: all state is read and written under the mutex.

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  private var decoded = 0
  /// The number of strips that may be consumed: all decoded strips if no decoding is deferred.
  private var completed = 0
  /// The number of strips that some thread completes or has completed.
  private var claimed = 0
  /// The first strips of groups that were completed although earlier groups were not.
  private var completedEarly: Set<Int> = []
  private let defers: Bool
  private let stripCount: Int
  /// ``DeferredDecoding/independentStrips``.
  private let independentStrips: Int?
  private var isDamaged = false
  /// The strip before which all strips may be written.
  private var room: Int
  private var failure: PreparationError?
  private var isAbandoned = false

  /// The next step of one side.
  enum Step {
    /// Decode, or consume, the requested strip.
    case go
    /// Complete this strip, and the independent ones with it, then call ``didComplete(_:isIntact:)``.
    case complete(Int)
    /// Do other work: the other side is not that far yet.
    case wait
    /// End: no more strips are needed, or the file has to be decoded in order.
    case end
  }

  /// Makes a queue.
  ///
  /// - Parameters:
  ///   - room: The number of strips that may be decoded before any is released.
  ///   - stripCount: The number of strips.
  ///   - deferred: The deferred part of decoding; nil when strips are complete once decoded.
  init(room: Int, stripCount: Int, deferred: (any DeferredDecoding)?) {
    self.room = room
    self.stripCount = stripCount
    defers = deferred != nil
    independentStrips = deferred?.independentStrips
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

  /// A strip that can be completed now, once all strips are decoded.
  func nextAfterDecoding() -> Int? { locked { isAbandoned ? nil : claim() } }

  /// Records that strip `index` has been written.
  func didDecode(index: Int) {
    change {
      decoded = index + 1
      if !defers { completed = decoded }
    }
  }

  /// Records that decoding failed, so that no strip will follow.
  func fail(_ error: PreparationError) { change { failure = error } }

  /// The behavior of the consumer while its strip is not ready.
  enum Patience {
    /// The consumer returns at once.
    case none
    /// The consumer completes another strip, or returns.
    case helps
    /// The consumer completes another strip, or blocks.
    case waits
  }

  /// The consumer's next step, whether or not strip `index` may be consumed yet.
  ///
  /// - Parameters:
  ///   - index: The strip that the consumer needs next.
  ///   - patience: The behavior while the strip is not there; `.wait` is returned only for `none` and `helps`.
  /// - Returns: The consumer's next step.
  /// - Throws: The decoder's error, if it failed before this strip.
  func nextForConsumer(index: Int, _ patience: Patience) throws(PreparationError) -> Step {
    let result = locked { () -> Result<Step, PreparationError> in
      while true {
        if isDamaged { return .success(.end) }
        if index < completed { return .success(.go) }
        if patience != .none, let strip = claim() { return .success(.complete(strip)) }
        if index >= decoded, let failure { return .failure(failure) }
        if patience != .waits { return .success(.wait) }
        unsafe pthread_cond_wait(moved, mutex)
      }
    }
    return try result.get()
  }

  /// Records that the strips of a `complete` step are completed, or that they cannot be, so that both sides end.
  func didComplete(_ strip: Int, isIntact: Bool) {
    change {
      isDamaged = isDamaged || !isIntact
      isAbandoned = isAbandoned || isDamaged
      completedEarly.insert(strip)
      while completedEarly.remove(completed) != nil { completed = min(completed + stripsAtOnce, stripCount) }
    }
  }

  /// True when the file has to be decoded in order.
  var mustDecodeInOrder: Bool { locked { isDamaged } }

  private var stripsAtOnce: Int { independentStrips ?? 1 }

  /// The next strip to complete; nil if no decoded strip is left, or if the strip depends on one that the other side is completing. To be
  /// called under the mutex.
  private func claim() -> Int? {
    let end = min(claimed + stripsAtOnce, stripCount)
    guard defers, claimed < end, end <= decoded, independentStrips != nil || claimed == completed else { return nil }
    defer { claimed = end }
    return claimed
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
