/// The layout of decoded rows.
struct RowLayout: Sendable, Equatable {
  /// The meaning of the channels.
  enum Channels: Int, Sendable {
    case gray = 1
    case grayAlpha = 2
    case rgb = 3
    case rgba = 4
    /// Four inks, 0 = no ink, 255 = full ink (Adobe's inversion already undone).
    case cmyk = 5
  }

  /// The meaning of the channels.
  var channels: Channels
  /// 8 or 16.
  var bitDepth: Int
  /// Pixels per row.
  var width: Int

  /// Samples per pixel.
  var channelCount: Int { channels == .cmyk ? 4 : channels.rawValue }
  /// Bytes per row without padding.
  var rowBytes: Int { width * channelCount * (bitDepth / 8) }
}

extension RowLayout.Channels {
  /// True when the last channel is alpha.
  var hasAlpha: Bool { self == .grayAlpha || self == .rgba }
}
