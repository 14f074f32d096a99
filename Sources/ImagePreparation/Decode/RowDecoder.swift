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

/// How damaged a source may be before it is refused (libvips' `fail-on` levels).
public enum DamagePolicy: String, Sendable, CaseIterable {
  /// Decode what can be decoded and say what was filled.
  case none
  /// Refuse sources that end early, and anything worse: bad checksums too.
  case truncated
  /// Refuse every error the codec reports.
  case error
  /// Refuse every warning too.
  case warning
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

/// Limits that are checked before memory is taken or work is done.
struct DecodingLimits: Sendable, Equatable {
  /// Largest width times height.
  var maxPixels = 500_000_000
  /// Bytes a codec may hold: whole-image buffers of progressive and interlaced files included.
  var maxMemory = 1024 * 1024 * 1024
  /// Progressive scans (libjpeg-turbo: "Two Issues with the JPEG Standard" advises about 1,000).
  var maxScans = 1_000
  /// Bytes of one ICC profile.
  var maxProfileBytes = 16 * 1024 * 1024
  /// Bytes of one ancillary chunk of a PNG.
  var maxChunkBytes = 16 * 1024 * 1024
  /// Ancillary chunks that libpng keeps.
  var maxChunks = 1_000
}
