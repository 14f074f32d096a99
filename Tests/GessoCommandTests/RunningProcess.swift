import Foundation
import Synchronization
import TestSupport

/// A running command, with which the test exchanges lines and signals.
final class RunningProcess: Sendable {
  private let process: Process
  private let finished: Task<Int32, Never>
  private let input: FileHandle
  /// The lines of standard output; to be iterated once.
  let output: AsyncStream<String>
  /// The lines of standard error; to be iterated once.
  let errors: AsyncStream<String>

  /// Starts a process whose standard input stays open.
  init(
    _ gesso: GessoExecutable, _ arguments: [String], environment: [String: String] = [:],
    executable: URL = GessoExecutable.url
  ) throws {
    let process = gesso.process(arguments, environment: environment)
    process.executableURL = executable
    let (output, errors, input) = (Pipe(), Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors
    let (ends, end) = AsyncStream.makeStream(of: Int32.self)
    process.terminationHandler = {
      // If a signal ended the process, the status is the negative number of the signal. No exit status of the command is negative.
      end.yield($0.terminationReason == .exit ? $0.terminationStatus : -$0.terminationStatus)
      end.finish()
    }
    self.output = Self.lines(of: output.fileHandleForReading)
    self.errors = Self.lines(of: errors.fileHandleForReading)
    self.input = input.fileHandleForWriting
    finished = Task {
      // The writing end of the pipe stays open as long as the process runs, so that a read of standard input waits.
      defer { withExtendedLifetime(input) {} }
      return await ends.first { _ in true } ?? -1
    }
    try Self.withSignalsOfATerminal { try process.run() }
    process.killWhenLate()
    self.process = process
  }

  /// Writes all of standard input, and ends it.
  func send(input bytes: [UInt8]) throws {
    try input.write(contentsOf: Data(bytes))
    try input.close()
  }

  /// Writes a line to standard input, which stays open.
  func send(line: String) throws { try input.write(contentsOf: Data((line + "\n").utf8)) }

  /// Ends standard input.
  func endInput() throws { try input.close() }

  /// The process's id.
  var id: Int32 { process.processIdentifier }

  /// Sends a signal, as `kill` does.
  func send(_ signal: Int32) { kill(id, signal) }

  /// Sends SIGINT, as `kill -INT` does.
  func interrupt() { process.interrupt() }

  /// Sends SIGTERM, as `kill` does.
  func terminate() { process.terminate() }

  /// The exit status, or the negative number of the signal that ended the process.
  func status() async -> Int32 { await finished.value }

  /// Runs `body`, which starts a process. While it runs, no signal is blocked, and no signal that ends a process is ignored.
  ///
  /// A process inherits both settings. The threads of the tests block signals, and those of a shell do not. A shell that starts the tests
  /// in the background makes them ignore SIGINT, and `nohup` makes them ignore SIGHUP. With such settings, a signal would never end the
  /// process that a test waits for.
  private static func withSignalsOfATerminal(_ body: () throws -> Void) rethrows {
    try start.withLock { _ in
      let former = [SIGINT, SIGTERM, SIGHUP].map { number in (number, signal(number, SIG_DFL)) }
      defer { for (number, handler) in former { _ = signal(number, handler) } }
      var (none, mask) = (sigset_t(), sigset_t())
      unsafe sigemptyset(&none)
      unsafe pthread_sigmask(SIG_SETMASK, &none, &mask)
      defer { unsafe pthread_sigmask(SIG_SETMASK, &mask, nil) }
      try body()
    }
  }

  /// The lock for the handling of signals, which the whole process of the tests shares.
  private static let start = Mutex(())

  /// The lines of a pipe, read on a thread of their own so that the process never waits for its reader.
  private static func lines(of handle: FileHandle) -> AsyncStream<String> {
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    let descriptor = dup(handle.fileDescriptor)
    Thread {
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      var rest = Data()
      while case let data = handle.availableData, !data.isEmpty {
        rest += data
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
          rest = Data(rest[(end + 1)...])
        }
      }
      continuation.finish()
    }.start()
    return stream
  }
}

extension AsyncStream<String>.Iterator {
  /// The next line that begins with `start`; nil when there is none any more.
  mutating func line(_ start: String = "") async -> String? {
    while let line = await next(isolation: #isolation) { if line.hasPrefix(start) { return line } }
    return nil
  }
}
