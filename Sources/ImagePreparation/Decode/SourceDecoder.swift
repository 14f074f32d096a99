/// The decoder of an opened source, whichever format its bytes have.
enum SourceDecoder: ~Copyable {
  case jpeg(JPEGDecoder)
  case png(PNGDecoder)

  /// Opens a source, looks at its first bytes and reads its headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `open` or `decode`.
  init(
    opening source: ImageSource, limits: DecodingLimits = DecodingLimits(), policy: DamagePolicy = .truncated,
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

  /// Decodes the whole image through `pass`.
  ///
  /// - Parameter encode: As ``StripLoop/run(_:threads:cancellation:clock:encode:)`` takes it.
  /// - Returns: What was overlooked.
  consuming func run(
    _ plan: PreparationPlan, through pass: StripLoop, clock: inout StageClock, cancellation: CancellationFlag?,
    encode: (inout StageClock) throws(PreparationError) -> Bool
  ) throws(PreparationError) -> DecodingDamage {
    switch consume self {
    case .jpeg(var decoder):
      guard let scale = JPEGScale(rawValue: Int(1 / plan.decoderScale)) else {
        preconditionFailure("no scale of \(plan.decoderScale)")
      }
      if plan.path == .planar {
        let feed = JPEGPlaneStrips(
          try JPEGPlaneReader(decoder, scale: scale), kernels: KernelTable(plan.instructionSet), threads: plan.threads)
        return try pass.run(
          feed, threads: plan.threads, cancellation: cancellation, clock: &clock, encode: encode)
      }
      try decoder.start(scale: scale)
      let feed = LibraryRowStrips(
        decoder, height: plan.planes[0].height, conversion: plan.color.conversionBeforeResize)
      return try pass.run(
        feed, threads: plan.threads, cancellation: cancellation, clock: &clock, encode: encode)
    case .png(var decoder):
      // Colors that are converted before the resize are converted on the decoder's side, where whole rows are needed.
      if decoder.canReadStrips, plan.color.conversionBeforeResize == nil {
        let feed = try PNGNativeStrips(decoder, kernels: KernelTable(plan.instructionSet))
        return try pass.run(
          feed, threads: plan.threads, cancellation: cancellation, clock: &clock, encode: encode)
      }
      try decoder.start()
      let feed = LibraryRowStrips(
        decoder, height: plan.planes[0].height, conversion: plan.color.conversionBeforeResize)
      return try pass.run(
        feed, threads: plan.threads, cancellation: cancellation, clock: &clock, encode: encode)
    }
  }
}
