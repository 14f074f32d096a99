/// A decoder of one image, which delivers rows from top to bottom.
///
/// Rows come in stored order (orientation not applied), interleaved, with samples of 8 bits, or of 16 bits in native byte order. Gray
/// below 8 bits is scaled to the full range (1 bit: 0 and 255), palettes are expanded to RGB, and tRNS becomes an alpha channel. Alpha
/// is straight.
protocol RowDecoder: ~Copyable {
  /// The content of the headers.
  var description: ImageDescription { get }
  /// The layout of the rows that ``readRows(into:stride:count:)`` delivers.
  var layout: RowLayout { get }
  /// The codec's warnings so far, and the rows that were filled because the source was damaged.
  var damage: DecodingDamage { get }

  /// Decodes up to `count` rows to `base`, `stride` bytes apart.
  ///
  /// - Returns: The number of rows written: at least 1 until the last row was delivered, then 0.
  /// - Throws: A ``PreparationError`` of stage `decode`. The ``DamagePolicy`` of the decoder decides which damage is an error.
  mutating func readRows(into base: UnsafeMutableRawPointer, stride: Int, count: Int) throws(PreparationError) -> Int

  /// Reads to the end of the file after the last row, to check checksums and end markers.
  mutating func finish() throws(PreparationError)
}

/// The damage that a decoder had to overlook under its ``DamagePolicy``.
struct DecodingDamage: Sendable, Equatable {
  /// The codec's first warning, if any.
  var firstWarning: String?
  /// The number of warnings.
  var warningCount = 0
  /// The first row, in stored order, that was filled instead of decoded; nil when all rows were decoded.
  var firstFilledRow: Int?
  /// The types of chunks after the headers of a PNG that were left out for a wrong checksum; nil for none.
  var droppedChunks: String?

  /// The note about chunks that were left out, by their types.
  static func note(dropped chunks: String) -> String { "left out for a wrong checksum: \(chunks)" }
}
