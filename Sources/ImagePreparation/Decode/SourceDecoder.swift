/// The decoder of an opened source, in one of the supported formats.
enum SourceDecoder: ~Copyable {
  case jpeg(JPEGDecoder)
  case png(PNGDecoder)

  /// Opens a source, recognizes its format by its first bytes and reads its headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `open` or `decode`.
  init(
    opening source: ImageSource, limits: Limits = Limits(), policy: DamagePolicy = .truncated,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) {
    do throws(PreparationError) {
      self = try SourceDecoder(reading: source, limits, policy, cancellation)
    } catch {
      guard error.stage == .decode, policy != .none, [.corrupt, .truncated, .warning].contains(error.code) else {
        throw error
      }
      let remedy: Remedy =
        if error.code == .warning, Self.canRead(source, limits, .error, cancellation) {
          .acceptWarnings
        } else if Self.canRead(source, limits, .none, cancellation) {
          .either("get an intact copy", or: .acceptDamage)
        } else {
          "get an intact copy"
        }
      throw PreparationError(error.code, stage: error.stage, error.message, remedy: remedy)
    }
  }

  private init(
    reading source: ImageSource, _ limits: Limits, _ policy: DamagePolicy, _ cancellation: CancellationFlag?
  ) throws(PreparationError) {
    let bytes = try ByteSource(source, cancellation: cancellation)
    switch try ImageSniffer.format(of: bytes.peek(ImageSniffer.byteCount)) {
    case .jpeg: self = try .jpeg(JPEGDecoder(bytes, limits: limits, policy: policy))
    case .png: self = try .png(PNGDecoder(bytes, limits: limits, policy: policy))
    }
  }

  /// True if the headers can be read under a policy; false for a source whose bytes are gone.
  private static func canRead(
    _ source: ImageSource, _ limits: Limits, _ policy: DamagePolicy, _ cancellation: CancellationFlag?
  ) -> Bool {
    if source.isReadOnce { return false }
    do throws(PreparationError) {
      _ = try SourceDecoder(reading: source, limits, policy, cancellation)
      return true
    } catch {
      return false
    }
  }

  /// The content of the headers.
  var description: ImageDescription {
    switch self {
    case .jpeg(let decoder): decoder.description
    case .png(let decoder): decoder.description
    }
  }

  /// The parts of a file's headers that are not in its description.
  struct Structure: Sendable {
    /// The bytes that the codec allocates at once for a file that cannot be decoded row by row; 0 for one that can.
    var wholeImageBytes: Int
    /// The sampling factors of a JPEG's components; nil for a PNG.
    var samplingFactors: [(horizontal: Int, vertical: Int)]?
  }

  /// The file's structure.
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
  ///   - plan: The form of the delivered rows, from this decoder's ``description`` and ``structure``.
  ///   - kernels: The kernels to decode with.
  /// - Returns: A started decoder, whose first strip is next.
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
      // The color conversion needs complete rows at once, but the native decoder defers a part of its decoding.
      if decoder.canReadStrips, plan.conversion == nil { return try PNGNativeStrips(decoder, kernels: kernels) }
      try decoder.start()
      return LibraryRowStrips(decoder, height: plan.planes[0].height, conversion: plan.conversion)
    }
  }
}
