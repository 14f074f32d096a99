internal import Foundation
internal import Ground
package import ImagePreparation

/// An input that can be read only once: standard input, a pipe of the shell, a named pipe, a socket or a device. The file system decides, not
/// the name.
package struct PipedInput: Sendable {
  /// The largest content that is kept in memory, in bytes. A longer one is kept in a temporary file without a name.
  package static let memoryBytes = 32 << 20

  private let descriptor: Int32
  /// Closes the descriptor; nil for standard input.
  private let file: OpenFile?

  /// Opens the input; nil if it can be read again, or does not exist.
  ///
  /// - Parameter argument: A path, or `-` for standard input.
  /// - Throws: Status 3 when it cannot be opened.
  package init?(_ argument: String) throws(CommandError) {
    guard let identity = Self.identity(of: argument) else { return nil }
    // If standard input is a socket, it cannot be opened under a path such as /dev/stdin.
    guard identity != FileIdentity(descriptor: STDIN_FILENO) else {
      (descriptor, file) = (STDIN_FILENO, nil)
      return
    }
    do throws(FileFailure) {
      let file = try OpenFile.stream(argument)
      (descriptor, self.file) = (file.descriptor, file)
    } catch {
      throw CommandError(error)
    }
  }

  /// Refuses arguments that name the same pipe twice, even by different names.
  package static func checkNamedOnce(_ arguments: [String]) throws(CommandError) {
    var seen: [FileIdentity] = []
    for argument in arguments {
      guard let identity = identity(of: argument) else { continue }
      guard !seen.contains(identity) else {
        let name = argument == "-" ? "standard input" : argument
        throw .usage("\(name) is named twice, and it can be read only once", remedy: "name it once")
      }
      seen.append(identity)
    }
  }

  private static func identity(of argument: String) -> FileIdentity? {
    let identity = argument == "-" ? FileIdentity(descriptor: STDIN_FILENO) : FileIdentity(argument)
    return identity?.isReadOnce == true ? identity : nil
  }

  /// The source itself, to be read once.
  var source: ImageSource { .descriptor(descriptor, owner: file) }

  /// Reads to the end, and keeps the bytes so that they can be read again. Canceling the task ends the wait for more.
  ///
  /// - Parameters:
  ///   - limit: The largest number of bytes that are taken.
  ///   - memory: The largest content that is kept in memory.
  /// - Returns: The bytes, or a descriptor of the temporary file, which is closed with the last reference to it.
  /// - Throws: Status 3 if it cannot be read, 4 above the limit, 10 when the temporary file cannot be written.
  package func spooled(limit: Int, memory: Int = PipedInput.memoryBytes) async throws(CommandError) -> ImageSource {
    let tooLong = CommandError(
      "too-many-bytes", stage: .open, "there are more than \(limit >> 20) MB in this pipe",
      remedy: "raise --max-download", status: .limit)
    return try await waiting { flag throws(CommandError) in
      var (bytes, count) = ([UInt8](), 0)
      var file: OpenFile?
      while let part = try next(until: flag) {
        count += part.count
        guard count <= limit else { throw tooLong }
        bytes += part
        guard count > memory else { continue }
        file = try Self.append(bytes, to: file)
        bytes = []
      }
      guard let file else { return .memory(bytes) }
      lseek(file.descriptor, 0, SEEK_SET)
      return .descriptor(file.descriptor, owner: file)
    }
  }

  /// Reads to the end.
  ///
  /// - Throws: `tooLong` above the limit, and status 3 if reading fails.
  func bytes(limit: Int, orThrow tooLong: CommandError) async throws(CommandError) -> [UInt8] {
    try await waiting { flag throws(CommandError) in
      var bytes: [UInt8] = []
      while let part = try next(until: flag) {
        bytes += part
        guard bytes.count <= limit else { throw tooLong }
      }
      return bytes
    }
  }

  private func waiting<Result: Sendable>(
    _ work: @escaping @Sendable (CancellationFlag) throws(CommandError) -> Result
  ) async throws(CommandError) -> Result {
    let flag = CancellationFlag()
    return try await BlockingWork.run(onCancel: { flag.cancel() }) { () throws(CommandError) in try work(flag) }
  }

  /// The next bytes; nil at the end.
  private func next(until flag: CancellationFlag) throws(CommandError) -> ArraySlice<UInt8>? {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // The pipe may never send more, so the flag is checked ten times a second.
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&waiting, 1, 100)
      if flag.isCanceled { throw .interrupted }
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = unsafe Ground.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count >= 0 else {
        throw CommandError(
          "unreadable", stage: .open, "the pipe cannot be read", remedy: "check what it is connected to",
          status: .badInput)
      }
      return count == 0 ? nil : buffer[..<count]
    }
  }

  private static func append(_ bytes: [UInt8], to file: OpenFile?) throws(CommandError) -> OpenFile {
    let folder = FileManager.default.temporaryDirectory.path
    do throws(FileFailure) {
      let file = if let file { file } else { try OpenFile.temporary(in: folder) }
      try writeAll(bytes, to: file.descriptor, name: "a temporary file in \(folder)")
      return file
    } catch {
      throw CommandError(error)
    }
  }
}
