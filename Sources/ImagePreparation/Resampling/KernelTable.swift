internal import CPixelIntrinsics

/// The kernels of one instruction set, chosen once per image.
struct KernelTable {
  #if arch(x86_64)
  /// True when the processor and the operating system support everything in x86-64-v3.
  static var processorRunsX86v3: Bool { cpi_runs_x86_64_v3() }
  #endif
}
