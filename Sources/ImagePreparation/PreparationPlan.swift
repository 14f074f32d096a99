/// What will happen to one image: every decision, made before a pixel is touched.
public struct PreparationPlan: Sendable {
  /// Width and height of the result.
  public var outputSize: ImageSize
  /// The share of the source's sides that the decoder delivers: 1, 1/2, 1/4 or 1/8.
  public var decoderScale: Double
  /// The way the pixels take, for example `rgb` or `planar`.
  public var path: String
  /// The instruction set of the kernels.
  public var instructionSet: InstructionSet
}
