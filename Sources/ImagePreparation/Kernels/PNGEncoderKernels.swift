internal import PixelKernels

#if GESSO_X86V3
internal import PixelKernelsX86v3
#endif

/// The PNG encoder's kernels of one instruction set. All sets give the same bytes.
@safe
struct PNGEncoderKernels: Sendable {
  typealias ChooseFilter =
    @Sendable (_ row: UnsafePointer<UInt8>, _ above: UnsafePointer<UInt8>, _ count: Int, _ pixelBytes: Int) -> Int
  typealias ApplyFilter =
    @Sendable (
      _ row: UnsafePointer<UInt8>, _ above: UnsafePointer<UInt8>, _ count: Int, _ pixelBytes: Int, _ filter: Int,
      _ output: UnsafeMutablePointer<UInt8>
    ) -> Void
  typealias FindMatches =
    @Sendable (
      _ input: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ position: Int, _ table: UnsafeMutablePointer<UInt32>,
      _ bits: UnsafePointer<UInt8>, _ budget: Int, _ tokens: UnsafeMutablePointer<UInt64>,
      _ tokenCount: UnsafeMutablePointer<Int>, _ frequencies: UnsafeMutablePointer<UInt32>
    ) -> Int
  typealias WriteBlock =
    @Sendable (
      _ input: UnsafePointer<UInt8>, _ tokens: UnsafePointer<UInt64>, _ tokenCount: Int,
      _ lengths: UnsafePointer<UInt8>, _ codes: UnsafePointer<UInt32>, _ runs: UnsafePointer<UInt16>, _ runCount: Int,
      _ runLengths: UnsafePointer<UInt8>, _ runCodes: UnsafePointer<UInt32>, _ isLast: Bool,
      _ output: UnsafeMutablePointer<UInt8>, _ bits: UnsafeMutablePointer<UInt64>,
      _ bitCount: UnsafeMutablePointer<Int>
    ) -> Int

  let filterBySum: ChooseFilter
  let filterByLogarithms: ChooseFilter
  let applyFilter: ApplyFilter
  let findMatches: FindMatches
  let findMatchesThoroughly: FindMatches
  let writeBlock: WriteBlock

  /// Takes the kernels that are compiled for `instructionSet`, which must be available.
  init(_ instructionSet: InstructionSet) {
    precondition(InstructionSet.available.contains(instructionSet), "\(instructionSet) does not run here")
    switch instructionSet {
    case .baseline:
      unsafe filterBySum = PixelKernels.filterBySum
      unsafe filterByLogarithms = PixelKernels.filterByLogarithms
      unsafe applyFilter = PixelKernels.applyFilter
      unsafe findMatches = PixelKernels.findMatches
      unsafe findMatchesThoroughly = PixelKernels.findMatchesThoroughly
      unsafe writeBlock = PixelKernels.writeBlock
    case .x86v3:
      #if GESSO_X86V3
      unsafe filterBySum = PixelKernelsX86v3.filterBySum
      unsafe filterByLogarithms = PixelKernelsX86v3.filterByLogarithms
      unsafe applyFilter = PixelKernelsX86v3.applyFilter
      unsafe findMatches = PixelKernelsX86v3.findMatches
      unsafe findMatchesThoroughly = PixelKernelsX86v3.findMatchesThoroughly
      unsafe writeBlock = PixelKernelsX86v3.writeBlock
      #else
      preconditionFailure("x86-64-v3 kernels are not in this build")
      #endif
    }
  }
}
