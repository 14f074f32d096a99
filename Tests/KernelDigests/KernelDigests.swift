// Runs the cases of the kernels' tests. Prints a line with the digest and the name of each case, and a line that begins with "error:" for
// each difference from a definition. Without an argument the kernels are those for every processor of the architecture. With "x86-64-v3"
// they are those for x86-64-v3.
//
// Scripts/test-neon also compiles this file as Embedded Swift for arm64.

#if GESSO_X86V3
import CPixelIntrinsics
#endif
import PixelKernelCases

#if GESSO_X86V3
import PixelKernelCasesX86v3
#endif

@main
struct KernelDigests {
  static func main() {
    #if GESSO_X86V3
    if CommandLine.arguments.dropFirst() == ["x86-64-v3"] {
      if !cpi_runs_x86_64_v3() { fatalError("this processor has no x86-64-v3") }
      for test in PixelKernelCasesX86v3.kernelCases() { report(test.name, test.run()) }
      return
    }
    #endif
    for test in PixelKernelCases.kernelCases() { report(test.name, test.run()) }
  }

  private static func report(_ name: String, _ outcome: (digest: UInt64, faults: [String])) {
    print("\(outcome.digest) \(name)")
    for fault in outcome.faults { print("error: \(name): \(fault)") }
  }
}
