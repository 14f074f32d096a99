internal import Foundation
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// Standard input and output of a server: lines of JSON, and nothing else.
///
/// The streams use copies of the process's descriptors 0 and 1, and the originals are replaced. So a library that prints, or a path that
/// names standard input, cannot disturb the messages.
final class ProtocolStreams: Sendable {
  /// A line of the input.
  enum Line: Sendable, Equatable {
    case bytes([UInt8])
    /// A line of more than ``longestLine`` bytes. Its content is discarded.
    case tooLong
  }

  /// The longest line that is read, in bytes.
  static let longestLine = 1 << 20

  private struct State {
    /// Bytes that were read and not yet consumed.
    var buffer: [UInt8] = []
    /// The number of bytes at the beginning of ``buffer`` that are known to contain no line feed.
    var searched = 0
    /// True within a line that is too long.
    var isSkipping = false
    var hasEnded = false
  }

  private let input: Int32
  private let output: Int32
  private let state = Mutex(State())
  private let writing = Mutex(())

  /// Takes the descriptors of the process.
  ///
  /// - Throws: A failure if the process has no standard input or output.
  convenience init() throws(FileFailure) {
    let input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
    guard input >= 0 else { throw .reading("standard input") }
    let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard output >= 0 else { throw .writing("cannot write standard output") }
    let nothing = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard nothing >= 0, dup2(nothing, STDIN_FILENO) >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else {
      throw .reading("/dev/null")
    }
    close(nothing)
    self.init(input: input, output: output)
  }

  /// Reads and writes these descriptors, and closes them with the last reference to this value.
  init(input: Int32, output: Int32) { (self.input, self.output) = (input, output) }

  deinit {
    close(input)
    close(output)
  }

  /// Writes one message.
  func send(_ message: String) throws(FileFailure) {
    try writing.withLock { _ throws(FileFailure) in
      try writeAll([UInt8]((message + "\n").utf8), to: output, name: "standard output")
    }
  }

  /// The next line; nil at the end of the input, and when the task is canceled. One task at a time may call it.
  func next() async -> Line? {
    let flag = CancellationFlag()
    return await BlockingWork.run(onCancel: { flag.cancel() }) { [self] () throws(Never) -> Line? in
      while true {
        if let line = state.withLock({ Self.line(&$0) }) { return line }
        guard !state.withLock(\.hasEnded), !flag.isCanceled else { return nil }
        fill(until: flag)
      }
    }
  }

  /// Removes the next line from the bytes that were read.
  private static func line(_ state: inout State) -> Line? {
    guard let end = state.buffer[state.searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      state.searched = state.buffer.count
      if state.buffer.count > longestLine { (state.buffer, state.searched, state.isSkipping) = ([], 0, true) }
      // The last line may have no line feed.
      guard state.hasEnded, !state.buffer.isEmpty || state.isSkipping else { return nil }
      defer { (state.buffer, state.searched, state.isSkipping) = ([], 0, false) }
      return state.isSkipping ? .tooLong : .bytes(state.buffer)
    }
    let bytes = Array(state.buffer[..<end])
    state.buffer.removeSubrange(...end)
    state.searched = 0
    defer { state.isSkipping = false }
    return state.isSkipping || bytes.count > longestLine ? .tooLong : .bytes(bytes)
  }

  /// Waits for bytes and reads those that are available.
  private func fill(until flag: CancellationFlag) {
    var waiting = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    // The flag is checked four times a second.
    let ready = unsafe poll(&waiting, 1, 250)
    if flag.isCanceled || ready == 0 || (ready < 0 && errno == EINTR) { return }
    var part = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe read(input, &part, part.count)
    if count < 0, errno == EINTR || errno == EAGAIN { return }
    state.withLock { state in
      if count > 0 { state.buffer += part[..<count] } else { state.hasEnded = true }
    }
  }
}
