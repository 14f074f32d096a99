import CPixelIntrinsics
import PixelKernelCases
import Testing

#if GESSO_X86V3
import PixelKernelCasesX86v3
#endif

/// A case with the kernels of each instruction set that runs here.
struct KernelTest: Sendable, CustomTestStringConvertible {
  typealias Outcome = (digest: UInt64, faults: [String])

  let testDescription: String
  let runs: [(instructionSet: String, run: @Sendable () -> Outcome)]

  static let all: [KernelTest] = {
    let baseline = PixelKernelCases.kernelCases()
    #if GESSO_X86V3
    if cpi_runs_x86_64_v3() {
      return zip(baseline, PixelKernelCasesX86v3.kernelCases()).map { baseline, v3 in
        KernelTest(testDescription: baseline.name, runs: [("baseline", baseline.run), ("x86-64-v3", v3.run)])
      }
    }
    #endif
    return baseline.map { KernelTest(testDescription: $0.name, runs: [("baseline", $0.run)]) }
  }()
}

/// The kernels are compared with their definitions. On arm64 a separate program runs the same cases (Scripts/test-neon).
@Suite("Kernels")
struct KernelTests {
  @Test("a kernel's output is its definition's, with every instruction set", arguments: KernelTest.all)
  func isItsDefinition(test: KernelTest) {
    var digests: Set<UInt64> = []
    for (instructionSet, run) in test.runs {
      let (digest, faults) = run()
      digests.insert(digest)
      for fault in faults { Issue.record("\(instructionSet): \(fault)") }
    }
    #expect(digests.count == 1, "all instruction sets give the same output")
  }
}
