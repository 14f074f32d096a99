/// The handling of an alpha channel.
enum AlphaHandling: Sendable, Equatable {
  /// Alpha is kept.
  case keep
  /// The color is composited over a background, in linear light or not.
  case flatten(BackgroundColor, linear: Bool)
  /// Alpha is left out, and the other channels are not changed.
  case drop
}

/// The handling of an alpha channel that depends on its pixels.
struct AlphaRule: Sendable, Equatable {
  /// Bits of the result's samples. A pixel is opaque if its alpha, rounded to these bits, is the largest value.
  let bits: Int
  /// The handling of a channel that is opaque everywhere.
  let whereOpaque: AlphaHandling
  /// The handling of any other channel.
  let elsewhere: AlphaHandling
  /// A note for the user about ``elsewhere``; nil for none.
  let note: String?
}

extension Raster {
  /// The image with its alpha channel handled, if it has one.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func handlingAlpha(
    _ handling: AlphaHandling, _ cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> Raster {
    guard channels.hasAlpha else { return self }
    switch handling {
    case .keep: return self
    case .flatten(let background, let linear):
      return try inBands(cancellation, .color) { $0.flattened(on: background, linear: linear) }
    case .drop: return try inBands(cancellation, .color) { $0.withoutAlpha() }
    }
  }

  /// The image with its alpha channel, if it has one, handled as its pixels require. `notes` gains the rule's note if that applies.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func followingAlphaRule(
    _ rule: AlphaRule, notes: inout [String], _ cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> Raster {
    guard channels.hasAlpha else { return self }
    if try isOpaque(inBits: rule.bits, cancellation) { return try handlingAlpha(rule.whereOpaque, cancellation) }
    if let note = rule.note { notes.append(note) }
    return try handlingAlpha(rule.elsewhere, cancellation)
  }
}
