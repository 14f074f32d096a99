/// The 16-bit scale on which the wide resize works, and the way there and back.
struct SampleScale: Sendable, Equatable {
  /// How samples are told.
  enum Kind: Sendable {
    /// Bytes as they are, 0 to 255.
    case bytes
    /// Bytes times alpha, exactly: 0 to 65 025.
    case products
    /// 16-bit samples, or their light, 0 to 65 535; premultiplied where alpha weighs them.
    case words
    /// Light of bytes: in wide passes as for words.
    case light
  }

  /// How samples are told.
  let kind: Kind
  /// True when samples are converted to linear light (``Kind/words`` or ``Kind/light``).
  let linear: Bool
  /// True when the last channel is alpha and weighs the others.
  let isPremultiplied: Bool

  /// The scale for decoded rows.
  ///
  /// - Parameters:
  ///   - bitDepth: 8 or 16.
  ///   - isPremultiplied: False where there is no alpha, or where it is resized on its own like any other channel.
  init(bitDepth: Int, linear: Bool, isPremultiplied: Bool) {
    self.linear = linear
    self.isPremultiplied = isPremultiplied
    if bitDepth == 16 {
      kind = .words
    } else if linear {
      kind = .light
    } else {
      kind = isPremultiplied ? .products : .bytes
    }
  }

  /// The largest sample.
  var maximum: UInt16 {
    switch kind {
    case .bytes: 255
    case .products: 65_025
    case .words, .light: 65_535
    }
  }
}
