internal import Dispatch
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// Turns Ctrl-C, `kill` and a closed terminal into a cancellation, so that the work can clean up.
///
/// The first signal cancels; the second one ends the process at once, unless it is only a repetition of the first. In
/// both cases the process ends by the signal, so that a shell notices the interruption and ends its own loop as well. A
/// signal that is ignored when the process begins stays ignored: the caller has turned it off, as `nohup` does SIGHUP,
/// and a shell SIGINT for what runs in the background of a script. Work within other work leaves signals to the outer
/// one, which cancels it.
enum Interruption {
  /// The signal that interrupted the work of this process.
  private static let received = Mutex<Int32?>(nil)
  private static let queue = DispatchQueue(label: "gesso.signals")
  /// When the first signal came.
  private static let first = Mutex<ContinuousClock.Instant?>(nil)
  /// A signal that arrives within this time counts as a repetition: `timeout`, `npm` and others send it to the process
  /// and then to its group.
  private static let echo = Duration.milliseconds(250)

  /// Turns the signals of failed writes (a pipe without a reader, a file above the size limit) into errors, because
  /// they must not end a process that follows a paid job, or leave a part of a file.
  static func deferSignalsOfWrites() {
    signal(SIGXFSZ, SIG_IGN)
    if CaughtSignals.isIgnored(signal(SIGPIPE, SIG_IGN)) { endsByClosedPipes.withLock { $0 = false } }
  }

  /// True unless SIGPIPE was ignored when the process began: its caller then expects an error and a status.
  private static let endsByClosedPipes = Mutex(true)

  /// Ends the process by SIGPIPE after its work has cleaned up, as it would have ended without
  /// ``deferSignalsOfWrites()``.
  ///
  /// - Returns: False when the caller of the process has turned that off.
  static func endByClosedPipe() -> Bool {
    guard endsByClosedPipes.withLock(\.self) else { return false }
    received.withLock { $0 = $0 ?? SIGPIPE }
    return true
  }

  /// Runs `work` so that a signal raises `flag` and cancels the task it runs in.
  ///
  /// - Parameters:
  ///   - flag: Raised by the first signal.
  ///   - patience: The time after the first signal at which the process ends even if the work has not, for example in a read
  ///     from a terminal that never returns; nil to wait without limit.
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
    // Threads of the queue block signals.
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    raise(number)
    // This is not reached.
    _exit(128 + number)
  }

  /// Returns when the task is canceled.
  static func forever() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    // The stream never has an element; the iteration ends with the task. The continuation must live that long.
    for await _ in stream {}
    withExtendedLifetime(continuation) {}
  }
}
