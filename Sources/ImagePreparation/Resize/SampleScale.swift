/// The 16-bit scale of the wide resize, with the conversions to and from it.
struct SampleScale: Sendable, Equatable {
  /// The numeric representation of samples.
  enum Kind: Sendable {
    /// Bytes, 0 to 255.
    case bytes
    /// Exact products of bytes and alpha: 0 to 65 025.
    case products
    /// 16-bit samples, as they are or in linear light: 0 to 65 535; premultiplied if ``isPremultiplied``.
    case words
    /// Linear light of bytes; in wide passes the same as ``words``.
    case light
  }

  /// The numeric representation of samples.
  let kind: Kind
  /// True when samples are converted to linear light (``Kind/words`` or ``Kind/light``).
  let linear: Bool
  /// True when the last channel is alpha and the others are premultiplied.
  let isPremultiplied: Bool

  /// Makes the scale for decoded rows.
  ///
  /// - Parameters:
  ///   - bitDepth: 8 or 16.
  ///   - linear: True to resize in linear light.
  ///   - isPremultiplied: False without alpha, or when alpha is resized on its own like any other channel.
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
