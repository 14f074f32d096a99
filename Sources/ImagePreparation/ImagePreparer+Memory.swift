/// Pixels or a tensor with all records of their run, for interfaces that hand them on.
package struct MemoryResult: Sendable {
  /// Width and height of the result.
  package let size: ImageSize
  /// Samples per pixel of ``samples``.
  package let channels: Int
  /// The pixels; empty for a tensor.
  package let samples: [UInt8]
  /// The tensor; nil for pixels.
  package let tensor: Tensor?
  /// The geometry record, which maps result pixels to the source.
  package let geometry: GeometryRecord
  /// Time spent.
  package let timings: PreparedImage.Timings
  /// Notes for the user.
  package let notes: [String]
}

extension ImagePreparer {
  /// Makes pixels as ``pixelsBlocking(of:as:cancellation:)`` does, or a tensor as ``tensorBlocking(of:as:_:cancellation:)`` does, with the
  /// records of the run.
  ///
  /// - Parameters:
  ///   - source: The encoded bytes.
  ///   - recipe: How the image is prepared.
  ///   - tensor: The format of a tensor, which is then made in place of pixels; nil for pixels.
  ///   - cancellation: Another thread can raise it to stop the work.
  ///   - admit: Called with the plan before a pixel is decoded, and again if the plan changes. Its error ends the run.
  /// - Returns: Pixels or a tensor.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  package func memoryResult(
    of source: ImageSource, as recipe: Recipe, tensor: TensorFormat?, cancellation: CancellationFlag?,
    admit: @escaping (PreparationPlan) throws(PreparationError) -> Void
  ) throws(PreparationError) -> MemoryResult {
    try withinTime(cancellation) { flag throws(PreparationError) in
      var run = PreparationRun(
        source, recipe: recipe, product: tensor.map { .tensor($0) } ?? .pixels, limits: limits, kernels: kernels,
        cancellation: flag)
      run.admit = admit
      return try run.finished().memoryResult()
    }
  }
}

extension PreparationPlan {
  /// The most bytes of the pixels of the result: four channels if a pixel may be transparent.
  package var largestPixelBytes: Int { outputSize.pixelCount * (output.transparency == .never ? 3 : 4) }

  /// The number of values of a tensor of the result.
  package var tensorCount: Int { outputSize.pixelCount * 3 }

  /// The most bytes of the encoded file: those of noise at the highest quality, of the profile and of the metadata.
  package var largestFileBytes: Int {
    if let found { return found.largestFileBytes }
    // Adds a share of the bytes and a constant, for the headers of blocks, chunks and segments.
    func withHeaders(_ bytes: Int) -> Int { bytes + bytes / 16 + 65_536 }
    let size = output.size
    let pixels = output.possibleFormats.map { format in
      switch format {
      case .jpeg:
        // libjpeg-turbo's bound (tj3JPEGBufSize): 2 bytes for each sample of whole MCUs.
        let blocks = ((size.width + 15) / 16) * ((size.height + 15) / 16)
        return blocks * 256 * (output.subsampling == .yuv444 ? 6 : 3)
      case .png:
        return size.height * (1 + size.width * (output.transparency == .never ? 3 : 4) * output.bits / 8)
      // libwebp gives no bound for its two coders. Noise takes half of this value, both lossy at quality 100 and lossless.
      case .webp: return size.pixelCount * 8
      }
    }
    let bytes =
      withHeaders(pixels.max()!) + withHeaders(output.embeddedProfile?.count ?? 0)
      + withHeaders(output.metadata?.byteCount ?? 0)
    return min(bytes, output.budget?.bytes ?? .max)
  }
}
