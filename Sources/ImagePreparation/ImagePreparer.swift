/// Prepares images: the entry point of the library.
public struct ImagePreparer: Sendable {
  /// The instruction set the kernels use.
  public let instructionSet: InstructionSet

  /// Makes a preparer.
  public init(instructionSet: InstructionSet = .best) {
    self.instructionSet = instructionSet
  }

  /// Decodes, resizes, turns, converts and encodes one image.
  ///
  /// The call blocks for as long as the work takes (tens to hundreds of milliseconds for large photographs).
  /// - Parameters:
  ///   - source: Where the encoded bytes come from.
  ///   - recipe: What is wanted.
  ///   - cancellation: Raise it from another thread to stop within 50 ms.
  /// - Throws: A ``PreparationError``.
  public func prepare(
    _ source: ImageSource, recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PreparedImage {
    fatalError("being written")
  }

  /// Decodes, resizes, turns and converts one image, and gives its pixels: 8-bit gray, gray and alpha, RGB or RGBA.
  public func pixels(
    of source: ImageSource, recipe: Recipe = Recipe(), cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    fatalError("being written")
  }

  /// Encodes pixels as PNG.
  public func encodePNG(
    _ image: PixelImage<UInt8>, compression: Recipe.Compression = .balanced
  ) throws(PreparationError) -> [UInt8] {
    fatalError("being written")
  }

  /// Encodes pixels as JPEG; alpha must have been flattened.
  public func encodeJPEG(
    _ image: PixelImage<UInt8>, quality: Int = 92, subsampling: Recipe.Subsampling = .yuv420
  ) throws(PreparationError) -> [UInt8] {
    fatalError("being written")
  }
}
