internal import Ground
internal import ImagePreparation

/// Reads standard input to its end.
enum StandardInput {
  /// Reads at most `limit` bytes; canceling the task ends the wait for more.
  static func read(limit: Int) async throws(CommandError) -> [UInt8] {
    let flag = CancellationFlag()
    return try await BlockingWork.run(onCancel: { flag.cancel() }) { () throws(CommandError) in
      try readAll(limit: limit, until: flag)
    }
  }

  private static func readAll(limit: Int, until flag: CancellationFlag) throws(CommandError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // No more bytes may ever come from a terminal or a pipe, so the flag is checked ten times a second.
      var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&waiting, 1, 100)
      if flag.isCanceled {
        throw .interrupted
      }
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = unsafe Ground.read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandError(
          "unreadable", stage: .open, "standard input cannot be read", remedy: "check what it is connected to",
          status: .badInput)
      }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= limit else {
        throw CommandError(
          "too-many-bytes", stage: .open, "there are more than \(limit >> 20) MB on standard input",
          remedy: "raise --max-download", status: .limit)
      }
    }
  }
}
