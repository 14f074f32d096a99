/// Random faults. The same seed and sequence of requests give the same faults.
package struct SandboxFaultPlan: Sendable, Equatable {
  /// The seed of the random numbers.
  package var seed: UInt64
  /// The share of requests that get a fault, 0 to 1.
  package var rate: Double
  /// The faults that may be made.
  package var kinds: [SandboxFault.Kind]

  /// Makes a plan.
  package init(seed: UInt64, rate: Double, kinds: [SandboxFault.Kind] = SandboxFault.Kind.allCases) {
    self.seed = seed
    self.rate = rate
    self.kinds = kinds
  }
}
