/// The layout of decoded rows.
struct RowLayout: Sendable, Equatable {
  /// What the channels mean.
  enum Channels: Int, Sendable {
    case gray = 1
    case grayAlpha = 2
    case rgb = 3
    case rgba = 4
    /// Four inks, 0 = no ink, 255 = full ink (Adobe's inversion already undone).
    case cmyk = 5
  }

  /// What the channels mean.
  var channels: Channels
  /// 8 or 16.
  var bitDepth: Int
  /// Pixels a row.
  var width: Int

  /// Samples a pixel.
  var channelCount: Int { channels == .cmyk ? 4 : channels.rawValue }
  /// Bytes a row without padding.
  var rowBytes: Int { width * channelCount * (bitDepth / 8) }
}

extension RowLayout.Channels {
  /// True when the last channel is alpha.
  var hasAlpha: Bool { self == .grayAlpha || self == .rgba }
}
