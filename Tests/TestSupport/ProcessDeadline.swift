public import Foundation

extension Process {
  /// Kills this process, and those that it has started, if they run longer than any command of the tests on an idle machine. A test that
  /// waits for its end or its output goes on then, and finds a status that it does not expect. Without this, one process that waits in vain
  /// hides its test: the whole stage would end late, and name all tests that were running.
  ///
  /// Called once the process has started. A line on standard error says what was killed, and where it waited.
  public func killWhenLate() {
    let seconds = 180 * TimeScale.factor
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) {
      guard self.isRunning else { return }
      let ids = [self.processIdentifier] + Self.descendants(of: self.processIdentifier)
      let states = ids.map { "\($0) \(Self.text($0, "cmdline").prefix(400)), waiting in \(Self.text($0, "wchan"))" }
      FileHandle.standardError.write(
        Data("error: killed after \(seconds) s: \(states.joined(separator: "; "))\n".utf8))
      for id in ids { kill(id, SIGKILL) }
    }
  }

  /// What its first thread has started, and what those have.
  private static func descendants(of id: Int32) -> [Int32] {
    let children = text(id, "task/\(id)/children").split(separator: " ").compactMap { Int32($0) }
    return children + children.flatMap(descendants)
  }

  /// A file of /proc, with spaces for NULs; empty on other systems.
  private static func text(_ id: Int32, _ name: String) -> String {
    let text = (try? String(contentsOfFile: "/proc/\(id)/\(name)", encoding: .utf8)) ?? ""
    return text.replacing("\0", with: " ").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
