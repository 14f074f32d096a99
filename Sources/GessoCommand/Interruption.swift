internal import Dispatch
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// Turns Ctrl-C, `kill` and a closed terminal into a cancellation, so that the work can clean up.
///
/// The first signal cancels. The second one ends the process at once, unless it only repeats the first. In both cases the process ends by
/// the signal, so that a shell notices the interruption and ends its own loop as well.
///
/// A signal that is ignored when the process begins stays ignored, because the caller has turned it off: `nohup` ignores SIGHUP, and a
/// shell ignores SIGINT for commands that a script runs in the background. If guarded work runs within other guarded work, signals go to
/// the outer work, which cancels the inner one.
enum Interruption {
  /// The signal that interrupted the work of this process.
  private static let received = Mutex<Int32?>(nil)
  private static let queue = DispatchQueue(label: "gesso.signals")
  /// When the first signal came.
  private static let first = Mutex<ContinuousClock.Instant?>(nil)
  /// A signal that arrives within this time counts as a repetition: `timeout`, `npm` and others send it to the process
  /// and then to its group.
  private static let echo = Duration.milliseconds(250)

  /// Turns the signals of failed writes (a pipe without a reader, a file above the size limit) into errors. Otherwise they could end a
  /// process that follows a paid job, or leave an incomplete file.
  static func deferSignalsOfWrites() {
    signal(SIGXFSZ, SIG_IGN)
    if CaughtSignals.isIgnored(signal(SIGPIPE, SIG_IGN)) { endsByClosedPipes.withLock { $0 = false } }
  }

  /// True unless SIGPIPE was ignored when the process began. A caller that ignores it expects an error and a status.
  private static let endsByClosedPipes = Mutex(true)

  /// Requests that the process ends by SIGPIPE after its work has cleaned up. Without ``deferSignalsOfWrites()`` that signal would have
  /// ended it.
  ///
  /// - Returns: False if the caller of the process ignores SIGPIPE.
  static func endByClosedPipe() -> Bool {
    guard endsByClosedPipes.withLock(\.self) else { return false }
    received.withLock { $0 = $0 ?? SIGPIPE }
    return true
  }

  /// Runs `work` so that a signal raises `flag` and cancels the task it runs in.
  ///
  /// - Parameters:
  ///   - flag: Raised by the first signal.
  ///   - patience: The time after the first signal at which the process ends even if the work has not ended, for example because a read
  ///     from a terminal never returns; nil to wait without limit.
  ///   - isExpected: True for work that runs until it is interrupted: the process then ends with the status of the verb.
  ///   - onSignal: Called once, on the first signal, before the work is canceled.
  ///   - work: The work. It begins once signals are caught.
  /// - Returns: The value that `work` returns.
  /// - Throws: The error that `work` throws.
  static func guarding<Result: Sendable>(
    flag: CancellationFlag = CancellationFlag(), patience: DispatchTimeInterval?, isExpected: Bool = false,
    onSignal: @escaping @Sendable () -> Void = {},
    _ work: sending @escaping @isolated(any) () async throws -> Result
  ) async throws -> Result {
    let (beginnings, beginning) = AsyncStream.makeStream(of: Never.self)
    let task = Task {
      for await _ in beginnings {}
      return try await work()
    }
    let signals = CaughtSignals.catching(CaughtSignals.ends, on: queue) { number in
      let now = ContinuousClock.now
      let isEcho = first.withLock { first in
        defer { first = first ?? now }
        return first.map { now - $0 < echo } ?? false
      }
      if isEcho { return }
      if flag.isCanceled { end(by: number) }
      if !isExpected { received.withLock { $0 = number } }
      // This call comes before the work is canceled, because the report should include work that the cancellation ends.
      onSignal()
      flag.cancel()
      task.cancel()
      guard let patience else { return }
      queue.asyncAfter(deadline: .now() + patience) { end(by: number) }
    }
    beginning.finish()
    defer { signals?.end() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      flag.cancel()
      task.cancel()
    }
  }

  /// Ends the process by the signal that interrupted its work; does nothing when none did.
  static func endBySignal() {
    if let number = received.withLock(\.self) { end(by: number) }
  }

  private static func end(by number: Int32) -> Never {
    Console.removeLiveLine()
    signal(number, SIG_DFL)
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, number)
    // The threads of the queue block signals, so the signal that ends the process must be unblocked here.
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    raise(number)
    // This is not reached.
    _exit(128 + number)
  }

  /// Returns when the task is canceled.
  static func forever() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    // The stream never has an element, and the iteration ends when the task is canceled. Until then the continuation must not be released.
    for await _ in stream {}
    withExtendedLifetime(continuation) {}
  }
}
