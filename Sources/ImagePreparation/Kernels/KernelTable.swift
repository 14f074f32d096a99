internal import PixelKernels

#if GESSO_X86V3
internal import PixelKernelsX86v3
#endif

/// The kernels of one instruction set, made once for each preparer and passed to all code that uses them. Only pointers and integers
/// cross into the kernels' modules.
@safe
final class KernelTable: Sendable {
  typealias ConvolveColumns =
    @Sendable (
      _ rows: UnsafePointer<UnsafePointer<UInt8>>, _ taps: Int, _ weights: UnsafePointer<Int16>, _ end: Int,
      _ nextWeights: UnsafePointer<Int16>, _ begin: Int, _ count: Int, _ start: Int32, _ shift: Int32,
      _ output: UnsafeMutablePointer<Int16>, _ nextOutput: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias ConvolveRows =
    @Sendable (
      _ columns: UnsafePointer<Int32>, _ firstPairs: UnsafePointer<Int32>, _ weights: UnsafePointer<Int16>,
      _ pairs: Int, _ outputCount: Int, _ pairShift: Int32, _ shift: Int32, _ output: UnsafeMutablePointer<UInt8>
    ) -> Void
  typealias ConvolveRowsFine =
    @Sendable (
      _ columns: UnsafePointer<Int32>, _ firstPairs: UnsafePointer<Int32>, _ weights: UnsafePointer<Int16>,
      _ pairs: Int, _ outputCount: Int, _ pairShift: Int32, _ shift: Int32, _ output: UnsafeMutablePointer<UInt16>
    ) -> Void
  typealias ConvolveRowsToSums =
    @Sendable (
      _ columns: UnsafePointer<Int32>, _ firstPairs: UnsafePointer<Int32>, _ weights: UnsafePointer<Int16>,
      _ pairs: Int, _ outputCount: Int, _ pairShift: Int32, _ output: UnsafeMutablePointer<Int32>
    ) -> Void
  typealias ConvolveColumnsOfWords =
    @Sendable (
      _ rows: UnsafePointer<UnsafePointer<Int16>>, _ taps: Int, _ weights: UnsafePointer<Int16>, _ end: Int,
      _ nextWeights: UnsafePointer<Int16>, _ begin: Int, _ count: Int, _ pairShift: Int32, _ shift: Int32,
      _ output: UnsafeMutablePointer<Int16>, _ nextOutput: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias PremultiplyCentered =
    @Sendable (
      _ input: UnsafePointer<UInt8>, _ channels: Int, _ pixels: Int, _ output: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias InterleaveColumns =
    @Sendable (
      _ rows: UnsafePointer<Int16>, _ stride: Int, _ channels: Int, _ pairs: Int,
      _ columns: UnsafeMutablePointer<Int32>
    ) -> Void
  typealias LayOutLight =
    @Sendable (
      _ rows: UnsafePointer<UnsafePointer<UInt8>>, _ pairs: Int, _ offset: Int, _ count: Int,
      _ block: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias LayOutPremultipliedLight =
    @Sendable (
      _ rows: UnsafePointer<UnsafePointer<UInt8>>, _ pairs: Int, _ channels: Int, _ offset: Int, _ count: Int,
      _ block: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias AccumulatePairs =
    @Sendable (
      _ block: UnsafePointer<Int16>, _ stride: Int, _ first: Int, _ pairs: Int, _ weights: UnsafePointer<Int16>,
      _ pairShift: Int32, _ begins: Bool, _ start: Int32, _ nextStart: Int32, _ count: Int,
      _ sums: UnsafeMutablePointer<Int32>
    ) -> Void
  typealias RoundLight =
    @Sendable (
      _ sums: UnsafePointer<Int32>, _ count: Int, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias RoundPremultipliedLight =
    @Sendable (
      _ sums: UnsafePointer<Int32>, _ count: Int, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>,
      _ remainder: UnsafeMutablePointer<Int16>
    ) -> Void
  typealias ConvolveColumnsWide =
    @Sendable (
      _ rows: UnsafePointer<UnsafePointer<UInt16>>, _ weights: UnsafePointer<Int32>, _ taps: Int, _ count: Int,
      _ shift: Int64, _ sums: UnsafeMutablePointer<Int64>, _ output: UnsafeMutablePointer<Int32>
    ) -> Void

  typealias UnfilterRows =
    @Sendable (
      _ rows: UnsafeMutablePointer<UInt8>, _ rowCount: Int, _ prior: UnsafePointer<UInt8>, _ pixelBytes: Int,
      _ count: Int
    ) -> Void

  typealias DecodeMCUs =
    @Sendable (
      _ bytes: UnsafePointer<UInt8>, _ end: Int, _ limit: Int, _ state: UnsafeMutablePointer<UInt64>,
      _ blocks: UnsafePointer<Int>, _ blockCount: Int, _ tables: UnsafePointer<UInt64>,
      _ naturalOrder: UnsafePointer<UInt8>, _ first: Int, _ count: Int, _ coefficients: UnsafeMutablePointer<Int16>
    ) -> Int
  typealias RemoveStuffing =
    @Sendable (
      _ input: UnsafePointer<UInt8>, _ count: Int, _ output: UnsafeMutablePointer<UInt8>,
      _ written: UnsafeMutablePointer<Int>, _ atMarker: UnsafeMutablePointer<Bool>
    ) -> Int
  typealias MakeInflateTable =
    @Sendable (
      _ lengths: UnsafePointer<UInt8>, _ count: Int, _ tables: UnsafeMutablePointer<UInt32>,
      _ scratch: UnsafeMutablePointer<UInt32>
    ) -> Bool
  typealias InflateSymbols =
    @Sendable (
      _ input: UnsafePointer<UInt8>, _ inputEnd: Int, _ output: UnsafeMutablePointer<UInt8>, _ outputEnd: Int,
      _ tables: UnsafePointer<UInt32>, _ state: UnsafeMutablePointer<UInt64>
    ) -> Int
  typealias InverseDCT =
    @Sendable (
      _ coefficients: UnsafePointer<Int16>, _ blockCount: Int, _ quantization: UnsafePointer<Int16>,
      _ output: UnsafeMutablePointer<UInt8>, _ stride: Int
    ) -> Void

  /// The instruction set that the kernels were compiled for.
  let instructionSet: InstructionSet
  /// The PNG encoder's kernels.
  let png: PNGEncoderKernels

  let convolveColumns: ConvolveColumns
  let convolveRows: ConvolveRows
  let convolveRowsFine: ConvolveRowsFine
  let convolveRowsToSums: ConvolveRowsToSums
  let convolveColumnsOfWords: ConvolveColumnsOfWords
  let premultiplyCentered: PremultiplyCentered
  let interleaveColumns: InterleaveColumns
  let layOutLight: LayOutLight
  let layOutPremultipliedLight: LayOutPremultipliedLight
  let accumulatePairs: AccumulatePairs
  let roundLight: RoundLight
  let roundPremultipliedLight: RoundPremultipliedLight
  let convolveColumnsWide: ConvolveColumnsWide
  let unfilterRows: UnfilterRows
  let decodeMCUs: DecodeMCUs
  let removeStuffing: RemoveStuffing
  let makeInflateLiterals: MakeInflateTable
  let makeInflateDistances: MakeInflateTable
  let inflateSymbols: InflateSymbols
  private let inverseDCTs: [InverseDCT]

  /// The transform from blocks to samples of `side` by `side`: 8, 4, 2 or 1.
  func inverseDCT(side: Int) -> InverseDCT { unsafe inverseDCTs[side.trailingZeroBitCount] }

  /// Takes the kernels that are compiled for `instructionSet`, which must be available.
  init(_ instructionSet: InstructionSet) {
    precondition(InstructionSet.available.contains(instructionSet), "\(instructionSet) does not run here")
    self.instructionSet = instructionSet
    png = PNGEncoderKernels(instructionSet)
    switch instructionSet {
    case .baseline:
      unsafe convolveColumns = PixelKernels.convolveColumns
      unsafe convolveRows = PixelKernels.convolveRows
      unsafe convolveRowsFine = PixelKernels.convolveRowsFine
      unsafe convolveRowsToSums = PixelKernels.convolveRowsToSums
      unsafe convolveColumnsOfWords = PixelKernels.convolveColumnsOfWords
      unsafe premultiplyCentered = PixelKernels.premultiplyCentered
      unsafe interleaveColumns = PixelKernels.interleaveColumns
      unsafe layOutLight = PixelKernels.layOutLight
      unsafe layOutPremultipliedLight = PixelKernels.layOutPremultipliedLight
      unsafe accumulatePairs = PixelKernels.accumulatePairs
      unsafe roundLight = PixelKernels.roundLight
      unsafe roundPremultipliedLight = PixelKernels.roundPremultipliedLight
      unsafe convolveColumnsWide = PixelKernels.convolveColumnsWide
      unsafe unfilterRows = PixelKernels.unfilterRows
      unsafe decodeMCUs = PixelKernels.decodeMCUs
      unsafe removeStuffing = PixelKernels.removeStuffing
      unsafe makeInflateLiterals = PixelKernels.makeInflateLiterals
      unsafe makeInflateDistances = PixelKernels.makeInflateDistances
      unsafe inflateSymbols = PixelKernels.inflateSymbols
      unsafe inverseDCTs = [
        PixelKernels.inverseDCT1, PixelKernels.inverseDCT2, PixelKernels.inverseDCT4, PixelKernels.inverseDCT8,
      ]
    case .x86v3:
      #if GESSO_X86V3
      unsafe convolveColumns = PixelKernelsX86v3.convolveColumns
      unsafe convolveRows = PixelKernelsX86v3.convolveRows
      unsafe convolveRowsFine = PixelKernelsX86v3.convolveRowsFine
      unsafe convolveRowsToSums = PixelKernelsX86v3.convolveRowsToSums
      unsafe convolveColumnsOfWords = PixelKernelsX86v3.convolveColumnsOfWords
      unsafe premultiplyCentered = PixelKernelsX86v3.premultiplyCentered
      unsafe interleaveColumns = PixelKernelsX86v3.interleaveColumns
      unsafe layOutLight = PixelKernelsX86v3.layOutLight
      unsafe layOutPremultipliedLight = PixelKernelsX86v3.layOutPremultipliedLight
      unsafe accumulatePairs = PixelKernelsX86v3.accumulatePairs
      unsafe roundLight = PixelKernelsX86v3.roundLight
      unsafe roundPremultipliedLight = PixelKernelsX86v3.roundPremultipliedLight
      unsafe convolveColumnsWide = PixelKernelsX86v3.convolveColumnsWide
      unsafe unfilterRows = PixelKernelsX86v3.unfilterRows
      unsafe decodeMCUs = PixelKernelsX86v3.decodeMCUs
      unsafe removeStuffing = PixelKernelsX86v3.removeStuffing
      unsafe makeInflateLiterals = PixelKernelsX86v3.makeInflateLiterals
      unsafe makeInflateDistances = PixelKernelsX86v3.makeInflateDistances
      unsafe inflateSymbols = PixelKernelsX86v3.inflateSymbols
      unsafe inverseDCTs = [
        PixelKernelsX86v3.inverseDCT1, PixelKernelsX86v3.inverseDCT2, PixelKernelsX86v3.inverseDCT4,
        PixelKernelsX86v3.inverseDCT8,
      ]
      #else
      preconditionFailure("x86-64-v3 kernels are not in this build")
      #endif
    }
  }
}
