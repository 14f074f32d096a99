/// What a decoder is to deliver of one image.
struct DecodingPlan: Sendable {
  /// The form of what is delivered.
  enum Form: String, Sendable {
    /// Interleaved rows.
    case rows
    /// The planes of a JPEG, each at its own size.
    case planes
  }

  /// The form of what is delivered.
  let form: Form
  /// How much smaller than stored.
  let scale: JPEGScale
  /// The planes that are delivered; one of interleaved rows.
  let planes: [StripPlane]
  /// The conversion of decoded rows, in place; nil for none.
  let conversion: (any RowConversion)?
  /// 2 where strips are decoded on one thread and consumed on another.
  let threads: Int
}
