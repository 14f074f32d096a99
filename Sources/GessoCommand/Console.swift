package import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// Receives the output of consoles while another part of this process runs a verb, without a terminal or a script.
final class CollectedOutput: Sendable {
  /// The collector of this task; nil if consoles print.
  @TaskLocal static var current: CollectedOutput?

  /// The output so far.
  struct Content: Sendable {
    /// The objects for scripts.
    var objects: [JSONObject] = []
    /// The lines for people.
    var notes: [String] = []
    /// The failures.
    var failures: [CommandError] = []
  }

  private let state = Mutex(Content())

  /// The output so far.
  var content: Content { state.withLock(\.self) }

  fileprivate func add(_ object: JSONObject) { state.withLock { $0.objects.append(object) } }
  fileprivate func add(_ note: String) { state.withLock { $0.notes.append(note) } }
  fileprivate func add(_ failure: CommandError) { state.withLock { $0.failures.append(failure) } }
}

/// Prints to standard output for scripts and to standard error for people. All other code prints through it.
///
/// On a terminal, progress is one line that the next one replaces. In a file or a pipe, and on a terminal that cannot erase a line (`TERM`
/// is `dumb` or not set), every new stage is a new line.
package final class Console: Sendable {
  private let isQuiet: Bool
  /// True if progress is one line that the next one replaces.
  let isLive: Bool
  private let hasColor: Bool
  /// True if standard output and standard error are the same terminal.
  private let sharesTerminal: Bool
  /// Receives the output instead of the terminal; nil to print it.
  private let collected = CollectedOutput.current

  /// True if nothing is printed.
  var isCollected: Bool { collected != nil }

  /// Makes a console on the process's own descriptors.
  ///
  /// - Parameters:
  ///   - quiet: True to print errors only.
  ///   - environment: Read for `NO_COLOR` (any value but the empty one) and `TERM`.
  ///   - logs: True if a log is written to standard error as well. There is no live line then, because it would stay between the lines of
  ///     the log.
  package init(quiet: Bool, environment: [String: String], logs: Bool = false) {
    isQuiet = quiet
    let erases =
      CollectedOutput.current == nil && isatty(STDERR_FILENO) == 1
      && !["", "dumb"].contains(environment["TERM", default: ""])
    isLive = erases && !logs
    hasColor = erases && environment["NO_COLOR", default: ""].isEmpty
    sharesTerminal = isLive && isatty(STDOUT_FILENO) == 1
  }

  /// The progress line of the process. All consoles share it, because the process has one terminal.
  private static let shown = Mutex(Progress())

  private struct Progress {
    /// The live line before it is cut to the width; empty if there is none.
    var line = ""
    /// The last stage if there is no live line.
    var stage = ""
  }

  /// `-` for the paths that name standard output.
  static func outputName(_ path: String) -> String {
    DurableFile.descriptor(named: path) == STDOUT_FILENO ? "-" : path
  }

  /// Prints a line for scripts, on standard output.
  package func output(_ line: String) throws(CommandError) {
    // The bytes are unchanged: a path may contain any characters, and scripts must be able to open it.
    try output([UInt8]((line + "\n").utf8))
  }

  /// The version of the objects for scripts, which is their member `v`. It must rise when a member is removed or changes its meaning. The
  /// schemas in Documentation/Schemas describe the objects.
  private static let jsonVersion = 1

  /// Prints an object for scripts on one line of standard output; on several lines, for people as well, if `isIndented`.
  package func output(json object: JSONObject, isIndented: Bool = false) throws(CommandError) {
    let versioned = object.adding(["v": Self.jsonVersion])
    if let collected { return collected.add(versioned) }
    let text: String
    do {
      text = try isIndented ? JSONText.document(versioned) : JSONText.line(versioned) + "\n"
    } catch {
      throw CommandError(
        "unexpected", stage: .write, "a value cannot be written as JSON (\(reason(of: error)))", remedy: "report this",
        status: .someFailed)
    }
    try output([UInt8](text.utf8))
  }

  /// Writes bytes for scripts to standard output.
  package func output(_ bytes: [UInt8]) throws(CommandError) {
    if let collected { return collected.add(String(decoding: bytes, as: UTF8.self)) }
    // The lock is held only on a terminal. A write to a pipe may wait for its reader, and the message about a signal must not wait for that
    // write.
    guard sharesTerminal else { return try Self.write(output: bytes) }
    try Self.shown.withLock { shown throws(CommandError) in
      if !shown.line.isEmpty { Self.write(Self.erase) }
      try Self.write(output: bytes)
      if !shown.line.isEmpty { Self.write(Self.fitted(shown.line)) }
    }
  }

  private static func write(output bytes: [UInt8]) throws(CommandError) {
    do throws(FileFailure) {
      try writeAll(bytes, to: STDOUT_FILENO, name: "standard output")
    } catch {
      if error.kind == .notRead, Interruption.endByClosedPipe() { throw .outputClosed }
      throw CommandError(error)
    }
  }

  /// Prints a failure, even when quiet.
  package func error(_ error: CommandError, input: String? = nil) {
    if error == .outputClosed { return }
    if let collected { return collected.add(error) }
    let name = hasColor ? "\u{1B}[31mgesso:\u{1B}[0m" : "gesso:"
    show(name + " " + Self.printable(error.line(of: input)))
  }

  /// Prints a note for people.
  package func note(_ text: String) {
    guard !isQuiet else { return }
    if let collected { return collected.add(Self.printable(text)) }
    show(Self.printable(text))
  }

  /// Shows progress: `stage` names the step, `detail` its progress.
  package func progress(_ stage: String, _ detail: String = "") {
    guard !isQuiet, collected == nil else { return }
    let text = Self.printable(detail.isEmpty ? stage : "\(stage) \(detail)")
    Self.shown.withLock { shown in
      if isLive {
        guard text != shown.line else { return }
        shown.line = text
        Self.write(Self.erase + Self.fitted(text))
      } else if stage != shown.stage {
        shown.stage = stage
        Self.write(stage + "\n")
      }
    }
  }

  /// The columns of the terminal.
  var columns: Int { terminalColumns(of: STDERR_FILENO) ?? 80 }

  /// Removes the progress line.
  package func endProgress() {
    Self.shown.withLock { shown in
      if !shown.line.isEmpty { Self.write(Self.erase) }
      shown = Progress()
    }
  }

  /// Prints the number of inputs that are done, and the names of those that failed.
  ///
  /// - Parameters:
  ///   - count: The number of inputs.
  ///   - names: The names of the inputs that failed.
  ///   - left: The number of inputs that were not begun, or not ended.
  ///   - paid: The sum that was paid for them.
  func summary(of count: Int, failed names: [String], left: Int = 0, paid: String? = nil) {
    guard count > 1 else { return }
    note(
      "gesso: \(count - left - names.count) of \(count) done\(paid.map { " for \($0)" } ?? "")"
        + (names.isEmpty ? "" : ", \(names.count) failed: \(names.joined(separator: ", "))")
        + (left == 0 ? "" : ", \(left) left: the same command goes on"))
  }

  /// Removes the progress line when the process ends, without waiting for a terminal that is stopped.
  static func removeLiveLine() {
    _ = shown.withLockIfAvailable { shown in
      if !shown.line.isEmpty { write(erase) }
      shown = Progress()
    }
  }

  private func show(_ line: String) {
    Self.shown.withLock { shown in
      guard !shown.line.isEmpty else { return Self.write(line + "\n") }
      Self.write(Self.erase + line + "\n" + Self.fitted(shown.line))
    }
  }

  /// Goes to the beginning of the line and erases it.
  private static let erase = "\r\u{1B}[K"

  /// A line cut to the terminal's width, which may change at any time. The last column stays empty, because some terminals wrap
  /// there.
  private static func fitted(_ line: String) -> String {
    TerminalText.shortened(line, to: max(1, (terminalColumns(of: STDERR_FILENO) ?? 80) - 1))
  }

  private static func write(_ text: String) {
    // A closed standard error cannot be reported anywhere.
    try? writeAll([UInt8](text.utf8), to: STDERR_FILENO, name: "standard error")
  }

  /// The text as one line without control characters, users and passwords. A file name or a message of the service must not move the
  /// cursor, and the user and the password of a URL must not be shown.
  package static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        Secrets.withoutUser(text).unicodeScalars.map { scalar in
          switch scalar.value {
          case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}"
          default: scalar
          }
        }))
  }
}
