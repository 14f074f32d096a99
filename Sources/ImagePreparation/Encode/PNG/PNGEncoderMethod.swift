/// The method by which a PNG's rows are compressed.
struct PNGEncoderMethod: Sendable, Equatable {
  /// The choice of each row's filter.
  var filter: FilterChoice
  /// The deflater of the filtered rows.
  var deflate: Deflate
  /// True when an image of any size is compressed in one piece.
  var isOnePiece = false
  /// The number of filtered bytes that are compressed at a time, and the largest block: small enough to be compressed while the
  /// next rows are decoded.
  var batchBytes = 128 * 1024

  enum FilterChoice: Sendable, Equatable {
    /// No filter for any row.
    case none
    /// The filter with the smallest sum of absolute differences.
    case sum
    /// The filter with the smallest sum of approximate logarithms of the differences.
    case logarithms
  }

  enum Deflate: Sendable, Equatable {
    /// ISA-L at its level 1: fastest, 4 % larger than zlib's level 6 on photographs.
    case isal
    /// The package's own kernels, with one or several match candidates for each byte. `blockTokens` is the block size in literals and
    /// matches: smaller blocks need more headers, and the codes of larger blocks fit their bytes less well.
    case matches(thorough: Bool, blockTokens: Int)
  }
}
