import Foundation
import Testing

extension Trait where Self == ConditionTrait {
  /// For a test that walks all available instruction sets by itself: if `GESSO_ISA` pins one, it would run the same once more.
  static var everyInstructionSet: Self {
    .enabled(if: !isPinned, "walks all instruction sets by itself")
  }

  /// For a test without kernels: metadata, refusals, output of other programs.
  static var sameOnEveryInstructionSet: Self {
    .enabled(if: !isPinned, "looks at nothing that a kernel computes")
  }

  private static var isPinned: Bool { ProcessInfo.processInfo.environment["GESSO_ISA"] != nil }
}
