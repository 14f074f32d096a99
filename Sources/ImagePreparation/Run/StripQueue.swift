#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// The bounded hand-over of strips from the decoder's thread to the one that resizes and encodes.
///
/// What a strip needs between the two, its finishing, is done by whichever side would wait else: one strip at a time, in
/// order. Neither side spins: each waits on a condition until the other has moved on or has given up.
@safe
final class StripQueue: @unchecked Sendable {
  // Unchecked: all state is read and written under the mutex.

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  private var decoded = 0
  /// Strips that may be consumed; all that are decoded where nothing is to be finished.
  private var finished = 0
  private var isFinishing = false
  private let finishes: Bool
  /// Strips that there is room for: those below it may be written.
  private var room: Int
  private var failure: PreparationError?
  private var isAbandoned = false

  /// What a side may do next.
  enum Step {
    /// Decode, or consume, the strip that was asked about.
    case go
    /// Finish this strip, and say so with ``didFinish()``.
    case finish(Int)
    /// Something else: the other side is not as far yet.
    case wait
    /// End: nobody wants more strips.
    case end
  }

  /// - Parameters:
  ///   - room: Strips that may be decoded before any is released.
  ///   - finishes: True where strips are to be finished before they are consumed.
  init(room: Int, finishes: Bool) {
    self.room = room
    self.finishes = finishes
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

  /// Waits until strip `index` may be written, or something can be finished meanwhile.
  func nextForDecoder(index: Int) -> Step {
    locked {
      while !isAbandoned {
        if index < room { return .go }
        if let strip = claim() { return .finish(strip) }
        unsafe pthread_cond_wait(moved, mutex)
      }
      return .end
    }
  }

  /// Tells that strip `index` has been written.
  func didDecode(index: Int) {
    change {
      decoded = index + 1
      if !finishes { finished = decoded }
    }
  }

  /// Tells that no strip will follow.
  func fail(_ error: PreparationError) { change { failure = error } }

  /// Whether strip `index` may be consumed, or what can be finished until then.
  ///
  /// - Parameter waits: False to be told to wait.
  /// - Throws: What the decoder failed with before this strip.
  func nextForConsumer(index: Int, waits: Bool) throws(PreparationError) -> Step {
    let result = locked { () -> Result<Step, PreparationError> in
      while true {
        if index < finished { return .success(.go) }
        if let strip = claim() { return .success(.finish(strip)) }
        if index >= decoded, let failure { return .failure(failure) }
        if !waits { return .success(.wait) }
        unsafe pthread_cond_wait(moved, mutex)
      }
    }
    return try result.get()
  }

  /// Tells that the strip that ``nextForDecoder(index:)`` or ``nextForConsumer(index:waits:)`` gave out is finished.
  func didFinish() {
    change {
      finished += 1
      isFinishing = false
    }
  }

  /// The next strip to finish, if nobody is at it. Under the mutex.
  private func claim() -> Int? {
    guard finishes, finished < decoded, !isFinishing else { return nil }
    isFinishing = true
    return finished
  }

  /// Tells that strips below `room` may be written now.
  func makeRoom(_ room: Int) { change { self.room = max(self.room, room) } }

  /// Tells the decoder to stop.
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
