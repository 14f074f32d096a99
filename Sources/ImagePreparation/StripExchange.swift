#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// The bounded hand-over of strips from the decoder's thread to the one that resizes and encodes.
///
/// Neither side spins: each waits on a condition until the other has moved on or has given up.
@safe
final class StripExchange: @unchecked Sendable {
  // Unchecked: all state is read and written under the mutex.

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  private var decoded = 0
  /// Strips that there is room for: those below it may be written.
  private var room: Int
  private var failure: PreparationError?
  private var isAbandoned = false

  /// - Parameter room: Strips that may be decoded before any is released.
  init(room: Int) {
    self.room = room
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

  /// Waits until strip `index` may be written; false when nobody wants it any more.
  func waitForRoom(index: Int) -> Bool {
    locked { () -> Bool in
      while index >= room && !isAbandoned { unsafe pthread_cond_wait(moved, mutex) }
      return !isAbandoned
    }
  }

  /// Tells that strip `index` has been written.
  func didDecode(index: Int) { change { decoded = index + 1 } }

  /// Tells that no strip will follow.
  func fail(_ error: PreparationError) { change { failure = error } }

  /// Strips that have been written.
  var strips: Int { locked { decoded } }

  /// Waits until strips below `count` have been written, and says how many there are now: at least `count`.
  func waitForStrips(_ count: Int) throws(PreparationError) -> Int {
    let (strips, failure): (Int, PreparationError?) = locked {
      while decoded < count && self.failure == nil { unsafe pthread_cond_wait(moved, mutex) }
      return (decoded, self.failure)
    }
    if strips >= count { return strips }
    throw failure ?? .canceled(.decode)
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

/// A thread of its own for work that blocks, joined by its owner.
@safe
struct WorkerThread: ~Copyable {
  private let handle: pthread_t

  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a thread; nil where the system has none left.
  init?(_ body: @escaping @Sendable () -> Void) {
    let work = unsafe Unmanaged.passRetained(Work(body))
    #if canImport(Darwin)
    var handle: pthread_t?
    let status = unsafe pthread_create(&handle, nil, { unsafe WorkerThread.run($0) }, work.toOpaque())
    guard status == 0, let handle = unsafe handle else {
      unsafe work.release()
      return nil
    }
    unsafe self.handle = handle
    #else
    var handle = pthread_t()
    guard unsafe pthread_create(&handle, nil, { unsafe WorkerThread.run($0!) }, work.toOpaque()) == 0 else {
      unsafe work.release()
      return nil
    }
    self.handle = handle
    #endif
  }

  private static func run(_ work: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    unsafe Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body()
    return nil
  }

  /// Waits for the thread's end.
  consuming func join() { pthread_join(handle, nil) }
}
