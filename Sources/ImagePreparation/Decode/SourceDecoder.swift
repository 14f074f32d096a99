/// The decoder of an opened source, whichever format its bytes have.
enum SourceDecoder: ~Copyable {
  case jpeg(JPEGDecoder)
  case png(PNGDecoder)

  /// Opens a source, looks at its first bytes and reads its headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `open` or `decode`.
  init(
    opening source: ImageSource, limits: Limits = Limits(), policy: DamagePolicy = .truncated,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) {
    let bytes = try ByteSource(source, cancellation: cancellation)
    switch try ImageSniffer.format(of: bytes.peek(ImageSniffer.byteCount)) {
    case .jpeg: self = try .jpeg(JPEGDecoder(bytes, limits: limits, policy: policy))
    case .png: self = try .png(PNGDecoder(bytes, limits: limits, policy: policy))
    }
  }

  /// What the headers said.
  var description: ImageDescription {
    switch self {
    case .jpeg(let decoder): decoder.description
    case .png(let decoder): decoder.description
    }
  }

  /// What headers say of a file's structure beyond its description.
  struct Structure: Sendable {
    /// Bytes that the codec takes at once for a file that cannot be decoded row by row; 0 for one that can.
    var wholeImageBytes: Int
    /// Sampling factors of the components of a JPEG.
    var samplingFactors: [(horizontal: Int, vertical: Int)]?
  }

  /// What the headers say of the file's structure.
  var structure: Structure {
    switch self {
    case .jpeg(let decoder):
      Structure(wholeImageBytes: decoder.wholeImageBytes, samplingFactors: decoder.samplingFactors)
    case .png(let decoder): Structure(wholeImageBytes: decoder.wholeImageBytes)
    }
  }

  /// Starts decoding.
  ///
  /// - Parameters:
  ///   - plan: What is delivered, made of this decoder's ``description`` and ``structure``.
  ///   - kernels: The kernels to decode with.
  /// - Throws: A ``PreparationError`` of stage `decode`.
  consuming func strips(
    _ plan: DecodingPlan, kernels: KernelTable
  ) throws(PreparationError) -> any StripDecoder {
    switch consume self {
    case .jpeg(var decoder):
      if plan.form == .planes {
        return JPEGPlaneStrips(
          try JPEGPlaneReader(decoder, scale: plan.scale), kernels: kernels, threads: plan.threads)
      }
      try decoder.start(scale: plan.scale)
      return LibraryRowStrips(decoder, height: plan.planes[0].height, conversion: plan.conversion)
    case .png(var decoder):
      // Whole rows are converted as they are decoded, which the native decoder's deferred rows are not.
      if decoder.canReadStrips, plan.conversion == nil { return try PNGNativeStrips(decoder, kernels: kernels) }
      try decoder.start()
      return LibraryRowStrips(decoder, height: plan.planes[0].height, conversion: plan.conversion)
    }
  }
}
