#if Client
internal import Dispatch
internal import ImagePreparation

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// Ctrl-C and `kill`, turned into a cancellation that lets the work clean up.
///
/// The first signal cancels; the second one ends the process at once.
enum Interruption {
  /// Runs `work` so that a signal raises `flag` and cancels the task it runs in.
  ///
  /// - Parameter patience: How long after the first signal the process ends even if the work does not notice, as in a
  ///   read from a terminal that never comes back; nil to wait for as long as it takes.
  /// - Parameter onSignal: Called once, on the first signal.
  static func guarding<Result: Sendable>(
    flag: CancellationFlag = CancellationFlag(), patience: DispatchTimeInterval?,
    onSignal: @escaping @Sendable () -> Void = {},
    _ work: sending @escaping @isolated(any) () async throws -> Result
  ) async throws -> Result {
    let task = Task { try await work() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        if flag.isCanceled { _exit(CommandStatus.interrupted.rawValue) }
        flag.cancel()
        task.cancel()
        onSignal()
        guard let patience else { return }
        queue.asyncAfter(deadline: .now() + patience) { _exit(CommandStatus.interrupted.rawValue) }
      }
      source.activate()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
  }

  /// Returns when the task is canceled.
  static func forever() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    // Nothing is ever sent; iteration ends with the task. The continuation must outlive it.
    for await _ in stream {}
    withExtendedLifetime(continuation) {}
  }

  private static let queue = DispatchQueue(label: "gesso.signals")
}
#endif
