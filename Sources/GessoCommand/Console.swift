package import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// Prints to standard output for scripts and to standard error for people. All other code prints through it.
///
/// On a terminal, progress is one line that the next one replaces; elsewhere every new stage is a new line.
package final class Console: Sendable {
  private let isQuiet: Bool
  private let isLive: Bool
  private let hasColor: Bool
  private let liveLine = Mutex("")

  /// Makes a console on the process's own descriptors.
  ///
  /// - Parameters:
  ///   - quiet: True for errors only.
  ///   - environment: Read for `NO_COLOR` (any value but the empty one) and `TERM`.
  package init(quiet: Bool, environment: [String: String]) {
    isQuiet = quiet
    isLive = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
    hasColor = isLive && environment["NO_COLOR", default: ""].isEmpty
  }

  /// Prints a line for scripts, on standard output.
  package func output(_ line: String) throws(CommandError) {
    // The bytes are unchanged: a path may contain any characters, and scripts must be able to open it.
    try output([UInt8]((line + "\n").utf8))
  }

  /// Prints an object for scripts on one line of standard output; on several lines, for people as well, if `isIndented`.
  package func output(json object: JSONObject, isIndented: Bool = false) throws(CommandError) {
    try output(encoding: object, isIndented: isIndented)
  }

  /// Prints any value as JSON in the same way.
  func output(encoding value: some Encodable, isIndented: Bool) throws(CommandError) {
    let text: String
    do {
      text = try isIndented ? JSONText.document(value) : JSONText.line(value) + "\n"
    } catch {
      throw CommandError(
        "unexpected", stage: .write, "a value cannot be written as JSON (\(reason(of: error)))", remedy: "report this",
        status: .someFailed)
    }
    try output([UInt8](text.utf8))
  }

  /// Writes bytes for scripts to standard output.
  package func output(_ bytes: [UInt8]) throws(CommandError) {
    do {
      try writeAll(bytes, to: STDOUT_FILENO, name: "standard output")
    } catch {
      throw CommandError(error)
    }
  }

  /// Prints a failure, even when quiet.
  package func error(_ error: CommandError, input: String? = nil) {
    let name = hasColor ? "\u{1B}[31mgesso:\u{1B}[0m" : "gesso:"
    show(name + " " + Self.printable((input.map { "\($0): " } ?? "") + error.line))
  }

  /// Prints a note for people.
  package func note(_ text: String) {
    guard !isQuiet else { return }
    show(Self.printable(text))
  }

  /// Shows progress: `stage` names the step, `detail` its progress.
  package func progress(_ stage: String, _ detail: String = "") {
    guard !isQuiet else { return }
    let text = Self.printable(detail.isEmpty ? stage : "\(stage) \(detail)")
    liveLine.withLock { shown in
      if isLive {
        guard text != shown else { return }
        shown = text
        write("\r\u{1B}[K" + text)
      } else if stage != shown {
        shown = stage
        write(stage + "\n")
      }
    }
  }

  /// Removes the progress line.
  package func endProgress() {
    liveLine.withLock { shown in
      if isLive, !shown.isEmpty { write("\r\u{1B}[K") }
      shown = ""
    }
  }

  private func show(_ line: String) {
    liveLine.withLock { shown in
      guard isLive, !shown.isEmpty else { return write(line + "\n") }
      write("\r\u{1B}[K" + line + "\n" + shown)
    }
  }

  private func write(_ text: String) {
    // There is no place to report that standard error is closed.
    try? writeAll([UInt8](text.utf8), to: STDERR_FILENO, name: "standard error")
  }

  /// One line without control characters, because neither the name of a file nor a message of the service may move the cursor, and
  /// without users and passwords of URLs.
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
