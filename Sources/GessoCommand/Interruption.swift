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
  static func guarding<Result: Sendable>(
    flag: CancellationFlag = CancellationFlag(), patience: DispatchTimeInterval?,
    _ work: sending @escaping @isolated(any) () async throws -> Result
  ) async throws -> Result {
    let task = Task { try await work() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        if flag.isCanceled { _exit(ExitStatus.interrupted.rawValue) }
        flag.cancel()
        task.cancel()
        guard let patience else { return }
        queue.asyncAfter(deadline: .now() + patience) { _exit(ExitStatus.interrupted.rawValue) }
      }
      source.activate()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
  }

  private static let queue = DispatchQueue(label: "gesso.signals")
}
#endif
