/// How a PNG's rows are compressed.
struct PNGEncoderMethod: Sendable, Equatable {
  /// How each row's filter is chosen.
  var filter: FilterChoice
  /// What makes deflate blocks of the filtered rows.
  var deflate: Deflate
  /// True where an image of any size is compressed in one piece.
  var isOnePiece = false
  /// Filtered bytes that are compressed at a time, and the most of a block: little enough to be done while the next rows
  /// are decoded.
  var batchBytes = 128 * 1024

  enum FilterChoice: Sendable, Equatable {
    /// None for every row.
    case none
    /// The smallest sum of absolute differences.
    case sum
    /// The smallest sum of about their logarithms.
    case logarithms
  }

  enum Deflate: Sendable, Equatable {
    /// ISA-L at its level 1: fastest, 4 % larger than zlib's level 6 on photographs.
    case isal
    /// The package's own kernels, with one or several candidates a byte and so many literals and matches a block: with
    /// fewer of these, headers weigh more; with more, the codes fit less.
    case matches(thorough: Bool, blockTokens: Int)
  }
}
