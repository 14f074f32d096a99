/// A source of pixel rows: one decoder, made for one image, read from top to bottom.
///
/// Rows come in stored order (orientation not applied), interleaved, each sample 8 bits or 16 bits in native byte order.
/// Gray below 8 bits is scaled to the full range (1 bit: 0 and 255), palettes are expanded to RGB, tRNS becomes an alpha
/// channel. Alpha is straight.
protocol RowDecoder: ~Copyable {
  /// What the headers said.
  var description: ImageDescription { get }
  /// The layout of the rows that ``readRows(into:stride:count:)`` delivers.
  var layout: RowLayout { get }
  /// Warnings the codec has given so far, and rows that had to be filled because the source was damaged.
  var damage: DecodingDamage { get }

  /// Decodes up to `count` rows to `base`, `stride` bytes apart.
  ///
  /// - Returns: The number of rows written: at least 1 until the last row was delivered, then 0.
  /// - Throws: A ``PreparationError`` of stage `decode`; what is an error is decided by the ``DamagePolicy`` the decoder
  ///   was made with.
  mutating func readRows(into base: UnsafeMutableRawPointer, stride: Int, count: Int) throws(PreparationError) -> Int

  /// Reads to the end of the image after the last row, so that checksums and end markers are seen too.
  mutating func finish() throws(PreparationError)
}

/// What a decoder had to overlook under its ``DamagePolicy``.
struct DecodingDamage: Sendable, Equatable {
  /// The codec's first warning, if any.
  var firstWarning: String?
  /// How many warnings there were.
  var warningCount = 0
  /// The first row, in stored order, that was filled instead of decoded; nil when all were decoded.
  var firstFilledRow: Int?
}
