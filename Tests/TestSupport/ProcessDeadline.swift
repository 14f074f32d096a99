public import Foundation

extension Process {
  /// Kills this process, and those that it has started, if they run longer than any command of the tests does on an idle machine. A test
  /// that waits for the process then continues, and finds a status that it does not expect. Otherwise the whole stage would end late, and
  /// would name all tests that were running instead of the one that waits in vain.
  ///
  /// Call this when the process has started. A line on standard error names the processes that were killed and the place at which each of
  /// them waited.
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

  /// The processes that the first thread of this process has started, and their own descendants.
  private static func descendants(of id: Int32) -> [Int32] {
    let children = text(id, "task/\(id)/children").split(separator: " ").compactMap { Int32($0) }
    return children + children.flatMap(descendants)
  }

  /// A file in /proc with spaces instead of NULs; empty on other systems.
  private static func text(_ id: Int32, _ name: String) -> String {
    let text = (try? String(contentsOfFile: "/proc/\(id)/\(name)", encoding: .utf8)) ?? ""
    return text.replacing("\0", with: " ").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
