internal import PixelKernels

#if GESSO_X86V3
internal import PixelKernelsX86v3
#endif

/// The kernels of color conversion of one instruction set. All sets give the same bits.
@safe
struct ColorKernels: Sendable {
  typealias ConvertMatrixBytes =
    @Sendable (
      _ row: UnsafeMutablePointer<UInt8>, _ channels: Int, _ pixels: Int, _ toLight: UnsafePointer<Int32>,
      _ fromLight: UnsafePointer<UInt8>
    ) -> Void
  typealias ConvertMatrixPlanes =
    @Sendable (
      _ luma: UnsafeMutablePointer<UInt8>, _ lumaStride: Int, _ blue: UnsafeMutablePointer<UInt8>,
      _ red: UnsafeMutablePointer<UInt8>, _ chromaStride: Int, _ width: Int, _ rows: Int, _ isHalved: Bool,
      _ toLight: UnsafePointer<Int32>, _ fromLight: UnsafePointer<UInt8>, _ scratch: UnsafeMutablePointer<UInt16>
    ) -> Void

  typealias ConvertTableBytes =
    @Sendable (
      _ input: UnsafePointer<UInt8>, _ inputChannels: Int, _ inks: Bool, _ pixels: Int, _ places: UnsafePointer<Int32>,
      _ strides: UnsafePointer<Int>, _ nodes: UnsafePointer<Int16>, _ curves: UnsafePointer<Float>,
      _ matrix: UnsafePointer<Float>, _ fromLight: UnsafePointer<UInt8>, _ output: UnsafeMutablePointer<UInt8>
    ) -> Void

  let convertMatrixBytes: ConvertMatrixBytes
  let convertMatrixPlanes: ConvertMatrixPlanes
  let convertTableBytes: ConvertTableBytes

  /// Takes the kernels that are compiled for `instructionSet`, which must be available.
  init(_ instructionSet: InstructionSet) {
    precondition(InstructionSet.available.contains(instructionSet), "\(instructionSet) does not run here")
    switch instructionSet {
    case .baseline:
      unsafe convertMatrixBytes = PixelKernels.convertMatrixBytes
      unsafe convertMatrixPlanes = PixelKernels.convertMatrixPlanes
      unsafe convertTableBytes = PixelKernels.convertTableBytes
    case .x86v3:
      #if GESSO_X86V3
      unsafe convertMatrixBytes = PixelKernelsX86v3.convertMatrixBytes
      unsafe convertMatrixPlanes = PixelKernelsX86v3.convertMatrixPlanes
      unsafe convertTableBytes = PixelKernelsX86v3.convertTableBytes
      #else
      preconditionFailure("x86-64-v3 kernels are not in this build")
      #endif
    }
  }
}
