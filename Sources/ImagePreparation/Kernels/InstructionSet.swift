internal import CPixelIntrinsics
internal import Ground

/// A set of processor instructions that the kernels are compiled for.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable, Codable {
  /// The instructions of every processor of the architecture: SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2, FMA, BMI (x86-64-v3 of the x86-64 psABI).
  case x86v3 = "x86-64-v3"

  /// The instruction sets that are in this build and that this processor supports, slowest first.
  public static let available: [InstructionSet] = {
    #if GESSO_X86V3
    return cpi_runs_x86_64_v3() ? [.baseline, .x86v3] : [.baseline]
    #else
    return [.baseline]
    #endif
  }()

  /// The instruction set that the environment variable `GESSO_ISA` names, if it is available; otherwise the fastest available one.
  public static let best: InstructionSet = {
    let named = unsafe getenv("GESSO_ISA").flatMap { unsafe InstructionSet(rawValue: String(cString: $0)) }
    return named.flatMap { available.contains($0) ? $0 : nil } ?? available.last ?? .baseline
  }()

  /// Slower sets come first.
  public static func < (a: InstructionSet, b: InstructionSet) -> Bool {
    (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
  }
}
