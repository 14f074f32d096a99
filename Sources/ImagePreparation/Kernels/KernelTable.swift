internal import CPixelIntrinsics
internal import PixelKernels

#if GESSO_X86V3
internal import PixelKernelsX86v3
#endif

/// The kernels of one instruction set, made once for each preparer and passed to all code that uses them. All sets give the same bits.
@safe
final class KernelTable: @unchecked Sendable {
  // Unchecked: pointers to functions, which never change.

  /// The instruction set that the kernels were compiled for.
  let instructionSet: InstructionSet
  private let all: cpi_kernels

  /// Takes the kernels that are compiled for `instructionSet`, which must be available.
  init(_ instructionSet: InstructionSet) {
    precondition(InstructionSet.available.contains(instructionSet), "\(instructionSet) does not run here")
    self.instructionSet = instructionSet
    switch instructionSet {
    case .baseline: all = PixelKernels.KernelList.all
    case .x86v3:
      #if GESSO_X86V3
      all = PixelKernelsX86v3.KernelList.all
      #else
      preconditionFailure("x86-64-v3 kernels are not in this build")
      #endif
    }
  }

  /// The kernels of the resize.
  var resize: cpi_resize_kernels { all.resize }
  /// The kernels of the resize in linear light.
  var light: cpi_light_kernels { all.light }
  /// The kernels of the resize with binary32 sums.
  var floats: cpi_float_kernels { all.floats }
  /// The kernels of the resize with 64-bit sums.
  var wide: cpi_wide_kernels { all.wide }
  /// The kernels of decoders.
  var decoding: cpi_decoding_kernels { all.decoding }
  /// The kernels of encoders.
  var encoding: cpi_encoding_kernels { all.encoding }
  /// The kernels of the finishing steps.
  var finishing: cpi_finishing_kernels { all.finishing }

  /// The transform from blocks to samples of `side` by `side`: 8, 4, 2 or 1.
  func inverseDCT(side: Int) -> cpi_inverse_dct {
    switch side {
    case 1: unsafe decoding.inverse_dct_1
    case 2: unsafe decoding.inverse_dct_2
    case 4: unsafe decoding.inverse_dct_4
    default: unsafe decoding.inverse_dct_8
    }
  }
}
