internal import CImageCodecs
internal import PixelKernels

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
