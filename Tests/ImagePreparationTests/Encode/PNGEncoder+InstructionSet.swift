@testable import ImagePreparation

extension PNGEncoder {
  /// An encoder with the kernels of an instruction set.
  init(
    compression: Recipe.Compression = .balanced, instructionSet: InstructionSet = .best, threads: Int = 1,
    cancellation: CancellationFlag? = nil
  ) {
    self.init(
      compression: compression, kernels: KernelTable(instructionSet), threads: threads, cancellation: cancellation
    )
  }
}
