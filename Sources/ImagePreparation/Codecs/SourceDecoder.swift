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

  /// Bytes that the codec takes at once for a file that cannot be decoded row by row; 0 for one that can.
  var wholeImageBytes: Int {
    switch self {
    case .jpeg(let decoder): decoder.wholeImageBytes
    case .png(let decoder): decoder.wholeImageBytes
    }
  }

  /// Decodes the whole image through `resampler`.
  ///
  /// - Parameter denominator: How much smaller the decoder delivers it: 1, 2, 4 or 8 (JPEG), 1 (PNG).
  /// - Returns: What was overlooked.
  consuming func resample(
    with resampler: inout RowResampler, denominator: Int, into raster: inout Raster, clock: inout StageClock,
    cancellation: CancellationFlag?
  ) throws(PreparationError) -> DecodingDamage {
    switch consume self {
    case .jpeg(var decoder):
      guard let scale = JPEGScale(rawValue: denominator) else { preconditionFailure("no scale of 1/\(denominator)") }
      try decoder.start(scale: scale)
      return try Self.run(&decoder, &resampler, &raster, &clock, cancellation)
    case .png(var decoder):
      precondition(denominator == 1, "PNG decoders do not scale")
      try decoder.start()
      return try Self.run(&decoder, &resampler, &raster, &clock, cancellation)
    }
  }

  private static func run(
    _ decoder: inout some RowDecoder & ~Copyable, _ resampler: inout RowResampler, _ raster: inout Raster,
    _ clock: inout StageClock, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> DecodingDamage {
    try unsafe resampler.resample(into: &raster, clock: &clock) { base, stride, count throws(PreparationError) in
      if let cancellation, cancellation.isCanceled { throw .canceled(.decode) }
      return try unsafe decoder.readRows(into: base, stride: stride, count: count)
    }
    try decoder.finish()
    return decoder.damage
  }
}
