import Foundation
import Testing

extension Trait where Self == ConditionTrait {
  /// For a test that runs with every available instruction set by itself. If `GESSO_ISA` selects one, the test would only repeat the same
  /// runs.
  static var everyInstructionSet: Self {
    .enabled(if: !isPinned, "walks all instruction sets by itself")
  }

  /// For a test that uses no kernels, such as a test of metadata, of refusals, or of output of other programs.
  static var sameOnEveryInstructionSet: Self {
    .enabled(if: !isPinned, "looks at nothing that a kernel computes")
  }

  private static var isPinned: Bool { ProcessInfo.processInfo.environment["GESSO_ISA"] != nil }
}
