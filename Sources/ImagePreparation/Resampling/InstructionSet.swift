/// A set of processor instructions the kernels were compiled for.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable {
  /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2, FMA, BMI (x86-64-v3 of the x86-64 psABI).
  case x86v3 = "x86-64-v3"

  /// The instruction sets that this build holds and this processor runs, slowest first.
  public static let available: [InstructionSet] = {
    #if GESSO_X86V3
    return KernelTable.processorRunsX86v3 ? [.baseline, .x86v3] : [.baseline]
    #else
    return [.baseline]
    #endif
  }()

  /// The fastest available one.
  public static let best: InstructionSet = available.last ?? .baseline

  /// Slower sets come first.
  public static func < (a: InstructionSet, b: InstructionSet) -> Bool {
    (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
  }
}
