internal import CImageCodecs
internal import PixelKernels

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

/// How a piece of deflated data ends.
enum DeflateEnding: Sendable {
  /// It goes on.
  case none
  /// On a whole byte, so that another piece may follow that knows nothing of it.
  case piece
  /// The stream ends.
  case stream
}

/// Makes deflated data of bytes in a sliding window.
protocol Deflater: AnyObject {
  /// Compresses the bytes `start..<end` of `window`. Those before `start`, as far back as matches reach, are the ones that
  /// were compressed last; `DeflateTables.readAhead` bytes behind `end` may be read.
  ///
  /// - Parameter position: Bytes compressed that are no longer in the window.
  /// - Throws: `outOfMemory`.
  func compress(
    _ window: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, ending: DeflateEnding
  ) throws(PreparationError)

  /// Everything compressed so far; valid until more is.
  var output: UnsafeBufferPointer<UInt8> { get }
}

/// Filters rows of an image and compresses them, batch by batch, in a window where filtered rows are compressed as they lie.
@safe
final class RowCompressor {
  /// The rows, of an image whose row 0 has none above it.
  let rows: Range<Int>
  /// The row that the next batch begins with.
  private(set) var nextRow: Int
  /// Adler-32 of the filtered bytes so far.
  private(set) var adler: UInt32 = 1
  /// Filtered bytes so far.
  private(set) var count = 0
  let deflater: any Deflater

  private let rowBytes: Int
  private let pixelBytes: Int
  private let filter: PNGEncoderMethod.FilterChoice
  private let batchRows: Int
  private let kernels: PNGEncoderKernels
  private let ending: DeflateEnding
  private let window: UnsafeMutablePointer<UInt8>
  private let noRow: UnsafeMutablePointer<UInt8>
  /// Bytes in the window.
  private var start = 0

  /// - Parameter batchBytes: Filtered bytes that are compressed at a time.
  init(
    rows: Range<Int>, rowBytes: Int, pixelBytes: Int, filter: PNGEncoderMethod.FilterChoice, batchBytes: Int,
    kernels: PNGEncoderKernels, ending: DeflateEnding, deflater: any Deflater
  ) {
    self.rows = rows
    nextRow = rows.lowerBound
    self.rowBytes = rowBytes
    self.pixelBytes = pixelBytes
    self.filter = filter
    self.kernels = kernels
    self.ending = ending
    self.deflater = deflater
    batchRows = max(1, min(batchBytes / (rowBytes + 1), rows.count))
    let capacity = DeflateTables.window + batchRows * (rowBytes + 1) + DeflateTables.readAhead
    unsafe window = .allocate(capacity: capacity)
    unsafe window.initialize(repeating: 0, count: capacity)
    unsafe noRow = .allocate(capacity: rowBytes)
    unsafe noRow.initialize(repeating: 0, count: rowBytes)
  }

  deinit {
    unsafe window.deallocate()
    unsafe noRow.deallocate()
  }

  /// The row behind the next batch; the rows' end when all are compressed.
  var batchEnd: Int { min(nextRow + batchRows, rows.upperBound) }

  /// Compresses the next batch, of which there must be one.
  ///
  /// - Parameter input: The image's first row; rows are without padding.
  /// - Throws: `outOfMemory`.
  func compressBatch(_ input: UnsafePointer<UInt8>) throws(PreparationError) {
    if start > DeflateTables.window {
      unsafe window.update(from: window + (start - DeflateTables.window), count: DeflateTables.window)
      start = DeflateTables.window
    }
    let filteredRow = rowBytes + 1
    let batch = batchEnd - nextRow
    let bytes = batch * filteredRow
    for k in 0..<batch {
      let row = unsafe input + (nextRow + k) * rowBytes
      let above = unsafe nextRow + k == 0 ? UnsafePointer(noRow) : row - rowBytes
      let chosen =
        switch filter {
        case .none: 0
        case .sum: unsafe kernels.filterBySum(row, above, rowBytes, pixelBytes)
        case .logarithms: unsafe kernels.filterByLogarithms(row, above, rowBytes, pixelBytes)
        }
      let output = unsafe window + start + k * filteredRow
      unsafe output[0] = UInt8(chosen)
      unsafe kernels.applyFilter(row, above, rowBytes, pixelBytes, chosen, output + 1)
    }
    adler = unsafe cic_adler32(adler, window + start, bytes)
    nextRow += batch
    try unsafe deflater.compress(
      window, from: start, to: start + bytes, position: count - start,
      ending: nextRow == rows.upperBound ? ending : .none)
    start += bytes
    count += bytes
  }

  /// Compresses all batches that are left.
  ///
  /// - Throws: `canceled` or `outOfMemory`.
  func compressAll(_ input: UnsafePointer<UInt8>, cancellation: CancellationFlag?) throws(PreparationError) {
    while nextRow < rows.upperBound {
      if let cancellation, cancellation.isCanceled { throw .canceled(.encode) }
      try unsafe compressBatch(input)
    }
  }
}

/// Deflates by the package's own kernels.
@safe
final class BlockDeflater: Deflater {
  /// Symbols of a block, and behind them those of its code lengths.
  private static let tableSize = DeflateTables.symbols + DeflateTables.runSymbols

  private let kernels: PNGEncoderKernels
  private let find: PNGEncoderKernels.FindMatches
  private let blockTokens: Int
  /// More than a block's may end a batch, lest a short block ends it.
  private let mostTokens: Int
  private let table: UnsafeMutablePointer<UInt32>
  private let tokens: UnsafeMutablePointer<UInt64>
  private let scratch: UnsafeMutablePointer<UInt64>
  private let frequencies: UnsafeMutablePointer<UInt32>
  private let codes: UnsafeMutablePointer<UInt32>
  private let lengths: UnsafeMutablePointer<UInt8>
  private let bits: UnsafeMutablePointer<UInt8>
  private let runs: UnsafeMutablePointer<UInt16>
  private var bytes: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var count = 0
  private var pendingBits: UInt64 = 0
  private var pendingCount = 0
  private var hasEstimate = false

  /// - Parameters:
  ///   - isThorough: True to look at several candidates a byte.
  ///   - blockTokens: Literals and matches of a block.
  init(kernels: PNGEncoderKernels, isThorough: Bool, blockTokens: Int) {
    self.kernels = kernels
    unsafe find = isThorough ? kernels.findMatchesThoroughly : kernels.findMatches
    self.blockTokens = blockTokens
    mostTokens = blockTokens * 3 / 2
    let positions = (isThorough ? DeflateTables.thoroughWays : 1) << DeflateTables.hashBits
    unsafe table = .allocate(capacity: positions)
    unsafe table.initialize(repeating: 0, count: positions)
    unsafe tokens = .allocate(capacity: mostTokens + 1)
    unsafe scratch = .allocate(capacity: DeflateTables.scratchWords)
    unsafe scratch.initialize(repeating: 0, count: DeflateTables.scratchWords)
    unsafe frequencies = .allocate(capacity: Self.tableSize)
    unsafe frequencies.initialize(repeating: 0, count: Self.tableSize)
    unsafe codes = .allocate(capacity: Self.tableSize)
    unsafe codes.initialize(repeating: 0, count: Self.tableSize)
    unsafe lengths = .allocate(capacity: Self.tableSize)
    unsafe lengths.initialize(repeating: 0, count: Self.tableSize)
    unsafe bits = .allocate(capacity: Self.tableSize)
    unsafe bits.initialize(repeating: 0, count: Self.tableSize)
    unsafe runs = .allocate(capacity: DeflateTables.symbols)
    capacity = 256 * 1024
    unsafe bytes = .allocate(capacity: capacity)
  }

  deinit {
    unsafe table.deallocate()
    unsafe tokens.deallocate()
    unsafe scratch.deallocate()
    unsafe frequencies.deallocate()
    unsafe codes.deallocate()
    unsafe lengths.deallocate()
    unsafe bits.deallocate()
    unsafe runs.deallocate()
    unsafe bytes.deallocate()
  }

  var output: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: bytes, count: count) }

  func compress(
    _ window: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, ending: DeflateEnding
  ) throws(PreparationError) {
    if !hasEstimate {
      unsafe countBytes(window + start, count: min(end - start, blockTokens), frequencies: frequencies)
      unsafe frequencies[256] = 1
      makeCodes()
      hasEstimate = true
    }
    var x = start
    while x < end {
      unsafe frequencies.update(repeating: 0, count: Self.tableSize)
      let budget = end - x <= mostTokens ? mostTokens : blockTokens
      var tokenCount = 0
      let after = unsafe find(
        window, x, end, position + DeflateTables.window + 1, table, bits, budget, tokens, &tokenCount, frequencies
      )
      let runCount = makeCodes()
      reserve(DeflateTables.headerBytes + 6 * (budget + 1))
      let symbols = DeflateTables.symbols
      count += unsafe kernels.writeBlock(
        window + x, tokens, tokenCount, lengths, codes, runs, runCount, lengths + symbols, codes + symbols,
        ending == .stream && after == end, bytes + count, &pendingBits, &pendingCount)
      x = after
    }
    if ending != .none { finishByte(isLast: ending == .stream) }
  }

  /// Makes the codes of a block and the code of their lengths, and says in how many runs these are told.
  @discardableResult
  private func makeCodes() -> Int {
    unsafe lengths.update(repeating: 0, count: Self.tableSize)
    let (distances, symbols) = (DeflateTables.distances, DeflateTables.symbols)
    for (first, count, limit) in [(0, 286, 15), (distances, 30, 15)] {
      unsafe makeCode(
        frequencies + first, count: count, limit: limit, lengths: lengths + first, codes: codes + first,
        scratch: scratch)
    }
    unsafe estimateBits(lengths, bits: bits)
    let runCount = unsafe collectRuns(lengths, runs: runs, frequencies: frequencies + symbols)
    unsafe makeCode(
      frequencies + symbols, count: DeflateTables.runSymbols, limit: 7, lengths: lengths + symbols,
      codes: codes + symbols, scratch: scratch)
    return runCount
  }

  /// Ends on a whole byte: with what bits there are, or, where the stream goes on, with an empty stored block.
  private func finishByte(isLast: Bool) {
    reserve(8)
    if !isLast { pendingCount += 3 }
    while pendingCount > 0 {
      append(UInt8(truncatingIfNeeded: pendingBits))
      pendingBits >>= 8
      pendingCount -= 8
    }
    pendingCount = 0
    if !isLast { for byte: UInt8 in [0, 0, 0xFF, 0xFF] { append(byte) } }
  }

  private func append(_ byte: UInt8) {
    unsafe bytes[count] = byte
    count += 1
  }

  private func reserve(_ extra: Int) {
    guard capacity - count < extra else { return }
    capacity = max(capacity * 2, count + extra)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    unsafe larger.update(from: bytes, count: count)
    unsafe bytes.deallocate()
    unsafe bytes = larger
  }
}

/// Deflates by ISA-L.
@safe
final class ISALDeflater: Deflater {
  private let handle: ISALDeflaterHandle

  init() throws(PreparationError) { handle = try ISALDeflaterHandle() }

  var output: UnsafeBufferPointer<UInt8> {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    unsafe cic_deflater_output(handle.pointer, &bytes, &count)
    return unsafe UnsafeBufferPointer(start: bytes, count: count)
  }

  func compress(
    _ window: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, ending: DeflateEnding
  ) throws(PreparationError) {
    let status = unsafe cic_deflater_write(
      handle.pointer, window + start, end - start, ending == .piece, ending == .stream)
    guard status == .CIC_OK else { throw .encoding("PNG", status, "deflate failed") }
  }
}

/// Owns one C deflater.
@safe
private struct ISALDeflaterHandle: ~Copyable {
  let pointer: OpaquePointer

  init() throws(PreparationError) {
    guard let pointer = unsafe cic_deflater_create() else { throw .outOfMemory("the PNG encoder") }
    unsafe self.pointer = pointer
  }

  deinit { unsafe cic_deflater_destroy(pointer) }
}
