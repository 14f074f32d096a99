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
}
