/// A thread for work that blocks. Its owner joins it.
@safe
package struct WorkerThread: ~Copyable {
  private let handle: pthread_t

  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a thread; nil when the system cannot start another one.
  package init?(_ body: @escaping @Sendable () -> Void) {
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
  package consuming func join() { pthread_join(handle, nil) }
}
