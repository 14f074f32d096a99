/// The form in which a decoder delivers one image.
struct DecodingPlan: Sendable {
  /// The form of the delivered rows.
  enum Form: String, Sendable {
    /// Interleaved rows.
    case rows
    /// The planes of a JPEG or a WebP, each at its own size.
    case planes
  }

  /// The form of the delivered rows.
  let form: Form
  /// The divisor of both stored sides.
  let scale: JPEGScale
  /// The delivered planes; one for interleaved rows.
  let planes: [StripPlane]
  /// The range of the samples of delivered planes; resized planes always have the full one.
  var range = SampleRange.full
  /// The conversion of decoded rows, in place; nil for none.
  let conversion: (any RowConversion)?
  /// 2 if strips are decoded on one thread and consumed on another; otherwise 1.
  let threads: Int
  /// The number of strips in a group that can be decoded without the strips before it, so that both threads decode; nil to decode in order.
  /// Only a flawless JPEG with restart markers has such groups.
  var independentStrips: Int?

  /// The number of strips that may be decoded ahead of the needed rows: several if two threads share the work.
  var stripsAhead: Int { threads > 1 ? max(6, 3 * (independentStrips ?? 1)) : 1 }
}
