import Foundation
import Testing

extension Trait where Self == ConditionTrait {
  /// For a test that walks all available instruction sets by itself: where `GESSO_ISA` pins one, it would run the same once more.
  static var everyInstructionSet: Self {
    .enabled(if: ProcessInfo.processInfo.environment["GESSO_ISA"] == nil, "walks all instruction sets by itself")
  }
}
