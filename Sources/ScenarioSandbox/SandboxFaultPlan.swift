/// Faults drawn at random, the same ones for the same seed and order of requests.
public struct SandboxFaultPlan: Sendable, Equatable {
  /// Where the draw begins.
  public var seed: UInt64
  /// How many requests of all something goes wrong with, 0 to 1.
  public var rate: Double
  /// What may go wrong.
  public var kinds: [SandboxFault.Kind]

  /// Makes a plan.
  public init(seed: UInt64, rate: Double, kinds: [SandboxFault.Kind] = SandboxFault.Kind.allCases) {
    self.seed = seed
    self.rate = rate
    self.kinds = kinds
  }
}
