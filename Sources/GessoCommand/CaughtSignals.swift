package import Dispatch
internal import Ground
internal import Synchronization

/// Signals that are caught instead of ending the process.
///
/// Their handler writes each of them into a pipe, because a handler may do little else (POSIX.1-2017, 2.4.3), and a queue reads them
/// there. They are caught as soon as the handler is installed. A dispatch source for signals is different: dispatch installs its handler
/// later, on a thread of its own, and a signal that arrives before that is lost.
package struct CaughtSignals {
  /// Signals by which a person, or the system, ends a process.
  static let ends = [SIGINT, SIGTERM, SIGHUP]

  /// Lets this process receive ``ends``. The parent process may have blocked these signals by accident: a process that Foundation's
  /// `Process` starts inherits the blocked signals of the calling thread, and the threads of Swift's pool block nearly all signals. Call
  /// this on the first thread, before another one exists.
  static func unblock() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in ends { unsafe sigaddset(&signals, number) }
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private let numbers: [Int32]
  private let source: any DispatchSourceRead

  /// The pipe, which is kept until the process ends; -1 if no pipe can be made.
  private static let pipe: (input: Int32, output: Int32) = {
    var ends: [Int32] = [-1, -1]
    guard unsafe Ground.pipe(&ends) == 0 else { return (-1, -1) }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      // The handler must not wait when the pipe is full, and the queue must not wait when the pipe is empty.
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return (ends[1], ends[0])
  }()

  /// True while some work catches signals.
  private static let areCaught = Mutex(false)

  /// Catches signals until ``end()``. A signal that is ignored stays ignored.
  ///
  /// - Parameters:
  ///   - numbers: The signals.
  ///   - queue: Where `handle` is called, for one signal after the other.
  ///   - handle: Receives the number of each signal.
  /// - Returns: Nil if other work catches signals already. The signals then belong to that outer work, which cancels this one. Nil also if
  ///   the process can open no more files. Its signals then keep their effect.
  package static func catching(
    _ numbers: [Int32], on queue: DispatchQueue, _ handle: @escaping @Sendable (Int32) -> Void
  ) -> CaughtSignals? {
    guard pipe.output >= 0,
      areCaught.withLock({ isInner in
        defer { isInner = true }
        return !isInner
      })
    else { return nil }
    let source = DispatchSource.makeReadSource(fileDescriptor: pipe.output, queue: queue)
    source.setEventHandler {
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = unsafe Ground.read(pipe.output, &bytes, bytes.count)
      for byte in bytes.prefix(max(0, count)) { handle(Int32(byte)) }
    }
    source.activate()
    let caught = numbers.filter { number in
      guard isIgnored(signal(number, put)) else { return true }
      signal(number, SIG_IGN)
      return false
    }
    return CaughtSignals(numbers: caught, source: source)
  }

  /// Gives the signals back their effect.
  package func end() {
    for number in numbers { signal(number, SIG_DFL) }
    source.cancel()
    Self.areCaught.withLock { $0 = false }
  }

  /// The handler. It can interrupt a thread between any two instructions, so it restores `errno`.
  private static let put: @convention(c) (Int32) -> Void = { number in
    let former = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = unsafe Ground.write(pipe.input, &byte, 1)
    errno = former
  }

  /// True for the handler of a signal that is ignored.
  static func isIgnored(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
