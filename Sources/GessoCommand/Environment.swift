internal import Foundation
package import ImagePreparation

/// The environment of the process.
package enum Environment {
  /// The environment variables of this process.
  package static var variables: [String: String] { ProcessInfo.processInfo.environment }

  /// The processor cores that this process may use.
  static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// The preparer for the instruction set that `GESSO_ISA` names, or for the fastest one if it is not set.
  ///
  /// - Throws: Status 2 for an instruction set that this build or this processor does not have.
  package static func preparer(
    _ variables: [String: String], limits: Limits = Limits(), isolation: Isolation? = nil
  ) throws(CommandError) -> ImagePreparer {
    var limits = limits
    limits.decodeHelper = decodeHelper
    var preparer = ImagePreparer(limits: limits)
    if let name = variables["GESSO_ISA"], !name.isEmpty {
      guard let set = InstructionSet(rawValue: name), InstructionSet.available.contains(set) else {
        let names = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
        throw .usage(
          "GESSO_ISA names \(name), which this machine or this build does not have", remedy: "use one of: \(names)")
      }
      preparer = ImagePreparer(instructionSet: set, limits: limits)
    }
    preparer.isolation = isolation
    return preparer
  }

  /// The path of `gesso-decode`: in the folder of this program, or in `../libexec/gesso` relative to that folder; nil if it is in neither.
  static var decodeHelper: String? {
    guard let folder = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent() else {
      return nil
    }
    return ["gesso-decode", "../libexec/gesso/gesso-decode"].map { folder.appending(path: $0).standardized.path }
      .first { unsafe access($0, X_OK) == 0 }
  }

  /// The largest resident set of the process so far, in bytes; nil if the system does not report it.
  static var peakMemoryBytes: Int? {
    #if os(Linux)
    // getrusage is not used: its maximum survives exec, so it would report the memory of the shell or of the test runner.
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    #else
    var usage = rusage()
    guard unsafe getrusage(RUSAGE_SELF, &usage) == 0 else { return nil }
    return Int(usage.ru_maxrss)
    #endif
  }
}
