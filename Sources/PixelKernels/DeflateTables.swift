// Deflate (RFC 1951) for the filtered rows of an image, in three steps for each block: find matches (DeflateMatches), make codes
// (DeflateCodes), write (DeflateBlocks).
//
// Filtered photographs are noise with frequent and rare bytes: a match of a few bytes often takes more bits than the same bytes as
// literals. So a match is taken only if it saves bits at the code lengths of the block before, and usually only one candidate is compared
// for each byte.

/// The tables that a caller of the deflate kernels makes.
///
/// Tables by symbol hold both alphabets, and after them the precode's:
///
///     0 … 255   256         257 … 285       288 … 317   320 … 338
///     literals  block end   match lengths   offsets     precode
///
/// A token is a run of literals and the match that follows them. If no match follows, the last 32 bits are 0:
///
///     63 … 32    31 … 16        15 … 0
///     literals   match length   offset
///
/// A code is in the order in which it is written, its first bit lowest:
///
///     31 … 16   15 … 0
///     length    code
///
/// A precode item is a symbol of the precode and the value of its extra bits:
///
///     15 … 8       7 … 0
///     extra bits   symbol
public enum DeflateTables {
  /// The symbol that ends a block.
  public static let blockEnd = 256
  /// The first symbol of a match length.
  public static let firstLength = 257
  /// The litlen symbols in use.
  public static let litlenSymbols = 286
  /// The place of the first offset symbol in tables by symbol.
  public static let offsets = 288
  /// The offset symbols in use.
  public static let offsetSymbols = 30
  /// Entries of both alphabets in tables by symbol.
  public static let symbols = offsets + 32
  /// Symbols of the precode.
  public static let precodeSymbols = 19
  /// The farthest offset of a match.
  public static let window = 32_768
  /// Bits of the hash of the next six bytes.
  public static let hashBits = 15
  /// Candidates for each byte of ``findMatchesThoroughly``.
  public static let thoroughWays = 8
  /// Bytes after the input that may be read: kernels load words.
  public static let readAhead = MemoryLayout<UInt64>.size
  /// Room for a length of 0 … 15 bits, rounded up.
  static let lengths = 32
  /// Words of scratch memory for ``makeCode``: sorted symbols, the tree, the number of codewords of each length, and the code.
  public static let scratchWords = 2 * symbols + lengths + (CanonicalCode.scratchWords + 1) / 2
  /// Bytes of the longest header of a block and of the word that is stored last. The header is 17 bits, the lengths of the precode in 3
  /// bits each, and an item of 7 bits for each code length; an item with extra bits takes fewer bits than items for the lengths that it
  /// replaces.
  public static let headerBytes =
    (17 + 3 * precodeSymbols + 7 * (litlenSymbols + offsetSymbols) + 7) / 8 + MemoryLayout<UInt64>.size
}

/// The symbol of a match length of 3…258, less 257.
@inline(__always)
func lengthSymbol(_ length: Int) -> Int {
  let x = length &- 3
  if x < 8 { return x }
  if x == 255 { return 28 }
  let k = 63 &- x.leadingZeroBitCount
  return (k &- 1) &* 4 &+ (x &>> (k &- 2)) & 3
}

/// The extra bits of a length's symbol.
@inline(__always)
func lengthExtraBits(_ symbol: Int) -> Int { symbol < 8 || symbol == 28 ? 0 : symbol &>> 2 &- 1 }

/// The symbol of an offset of 1…32,768.
@inline(__always)
func offsetSymbol(_ offset: Int) -> Int {
  let x = offset &- 1
  if x < 4 { return x }
  let k = 63 &- x.leadingZeroBitCount
  return 2 &* k &+ (x &>> (k &- 1)) & 1
}

/// The extra bits of an offset's symbol.
@inline(__always)
func offsetExtraBits(_ symbol: Int) -> Int { symbol < 4 ? 0 : symbol &>> 1 &- 1 }
