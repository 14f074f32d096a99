/// Faults drawn at random, the same ones for the same seed and order of requests.
package struct SandboxFaultPlan: Sendable, Equatable {
  /// The seed of the random numbers.
  package var seed: UInt64
  /// How many requests of all something goes wrong with, 0 to 1.
  package var rate: Double
  /// What may go wrong.
  package var kinds: [SandboxFault.Kind]

  /// Makes a plan.
  package init(seed: UInt64, rate: Double, kinds: [SandboxFault.Kind] = SandboxFault.Kind.allCases) {
    self.seed = seed
    self.rate = rate
    self.kinds = kinds
  }
}
