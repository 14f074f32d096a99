internal import CPixelIntrinsics
internal import Ground

/// A set of processor instructions the kernels were compiled for.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable {
  /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2, FMA, BMI (x86-64-v3 of the x86-64 psABI).
  case x86v3 = "x86-64-v3"

  /// The instruction sets that this build holds and this processor runs, slowest first.
  public static let available: [InstructionSet] = {
    #if GESSO_X86V3
    return cpi_runs_x86_64_v3() ? [.baseline, .x86v3] : [.baseline]
    #else
    return [.baseline]
    #endif
  }()

  /// The one that the environment variable `GESSO_ISA` names, if it is available, else the fastest available one.
  public static let best: InstructionSet = {
    let named = unsafe getenv("GESSO_ISA").flatMap { unsafe InstructionSet(rawValue: String(cString: $0)) }
    return named.flatMap { available.contains($0) ? $0 : nil } ?? available.last ?? .baseline
  }()

  /// Slower sets come first.
  public static func < (a: InstructionSet, b: InstructionSet) -> Bool {
    (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
  }
}
