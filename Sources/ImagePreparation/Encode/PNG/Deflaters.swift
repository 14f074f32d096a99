internal import CImageCodecs
internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// The end of a part of deflated data.
enum DeflateEnding: Sendable {
  /// The data continue.
  case none
  /// The data end on a whole byte, so that an independent piece may follow.
  case piece
  /// The stream ends.
  case stream
}

/// Deflates bytes in a sliding window.
protocol Deflater: AnyObject {
  /// Compresses the bytes `start..<end` of `window`.
  ///
  /// The bytes before `start`, as far back as matches can reach, must be the bytes that were compressed last. `DeflateTables.readAhead`
  /// bytes after `end` may be read. `position` is the number of compressed bytes that are no longer in the window.
  ///
  /// - Throws: `outOfMemory`.
  func compress(
    _ window: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, ending: DeflateEnding
  ) throws(PreparationError)

  /// All compressed bytes so far; valid until the next call of ``compress(_:from:to:position:ending:)``.
  var output: UnsafeBufferPointer<UInt8> { get }
}

/// Deflates with the package's own kernels.
@safe
final class BlockDeflater: Deflater {
  /// The number of entries of a table by symbol: the symbols of a block, and after them those of the precode.
  private static let tableSize = DeflateTables.symbols + DeflateTables.precodeSymbols

  private let kernels: KernelTable
  private let find: cpi_find_matches
  private let blockTokens: Int
  /// The number of tokens of the largest block. The last block of a batch may have more tokens than others, so that no short block follows
  /// it.
  private let mostTokens: Int
  private let table: AlignedBuffer<UInt32>
  private let tokens: AlignedBuffer<UInt64>
  private let scratch: AlignedBuffer<UInt64>
  private let frequencies: AlignedBuffer<UInt32>
  private let codes: AlignedBuffer<UInt32>
  private let lengths: AlignedBuffer<UInt8>
  private let bits: AlignedBuffer<UInt8>
  private let items: AlignedBuffer<UInt16>
  private var bytes: GrowingBytes
  private var count = 0
  private var bitBuffer: UInt64 = 0
  private var bitCount = 0
  private var hasEstimate = false
  private let isThorough: Bool
  /// The bits of 1,024 literals of the last block that was searched for matches, if matches covered next to nothing of that block;
  /// otherwise nil.
  private var denseBits: Int?
  /// The number of blocks after that block.
  private var blocksUnsearched = 0

  /// The share of a block, 1 in 128, below which matches save less than a hundredth of its bits.
  private static let leastMatched = 128
  /// Blocks in a row in which no matches are searched.
  private static let mostUnsearched = 7

  /// Makes a deflater.
  ///
  /// - Parameters:
  ///   - kernels: The kernels to deflate with.
  ///   - isThorough: True to compare several match candidates for each byte.
  ///   - blockTokens: The block size in literals and matches.
  ///   - inputBytes: The bytes that will be compressed.
  init(kernels: KernelTable, isThorough: Bool, blockTokens: Int, inputBytes: Int) {
    self.kernels = kernels
    self.isThorough = isThorough
    unsafe find = isThorough ? kernels.encoding.find_matches_thoroughly : kernels.encoding.find_matches
    self.blockTokens = blockTokens
    mostTokens = blockTokens * 3 / 2
    let positions = (isThorough ? DeflateTables.thoroughWays : 1) << DeflateTables.hashBits
    table = AlignedBuffer(count: positions, zeroed: true)
    tokens = AlignedBuffer(count: mostTokens + 1, zeroed: false)
    scratch = AlignedBuffer(count: DeflateTables.scratchWords, zeroed: true)
    frequencies = AlignedBuffer(count: Self.tableSize, zeroed: true)
    codes = AlignedBuffer(count: Self.tableSize, zeroed: true)
    lengths = AlignedBuffer(count: Self.tableSize, zeroed: true)
    bits = AlignedBuffer(count: Self.tableSize, zeroed: true)
    items = AlignedBuffer(count: DeflateTables.symbols, zeroed: false)
    // Noise gains the headers of blocks. What is not used costs no memory, while a block that grows in the heap leaves holes behind.
    bytes = GrowingBytes(capacity: inputBytes + inputBytes / 64 + Self.bytes(ofBlock: mostTokens))
  }

  /// The most bytes of a block of so many tokens.
  private static func bytes(ofBlock tokens: Int) -> Int { DeflateTables.headerBytes + 6 * (tokens + 1) }

  var output: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: bytes.base, count: count) }

  func compress(
    _ window: UnsafePointer<UInt8>, from start: Int, to end: Int, position: Int, ending: DeflateEnding
  ) throws(PreparationError) {
    if !hasEstimate {
      unsafe kernels.encoding.count_bytes(window + start, min(end - start, blockTokens), frequencies.base)
      unsafe frequencies.base[DeflateTables.blockEnd] = 1
      makeCodes()
      hasEstimate = true
    }
    var x = start
    while x < end {
      unsafe frequencies.base.update(repeating: 0, count: Self.tableSize)
      let budget = end - x <= mostTokens ? mostTokens : blockTokens
      var tokenCount = 1
      var after = min(end, x + budget)
      let isSearched = unsafe !isDense(window + x, count: after - x)
      if isSearched {
        after = unsafe find(
          window, x, end, position + DeflateTables.window + 1, table.base, bits.base, budget, tokens.base, &tokenCount,
          frequencies.base)
      } else {
        unsafe tokens.base[0] = UInt64(after - x) << 32
      }
      let itemCount = makeCodes()
      if isSearched { recordMatches(blockBytes: after - x) } else { blocksUnsearched += 1 }
      reserve(Self.bytes(ofBlock: budget))
      let symbols = DeflateTables.symbols
      count += unsafe kernels.encoding.write_block(
        window + x, tokens.base, tokenCount, lengths.base, codes.base, items.base, itemCount, lengths.base + symbols,
        codes.base + symbols,
        ending == .stream && after == end, bytes.base + count, &bitBuffer, &bitCount)
      x = after
    }
    if ending != .none { finishByte(isLast: ending == .stream) }
  }

  /// Decides whether a block is written without a search for matches, and if so, counts its literals. This is the case if the last search
  /// found next to nothing, as in noise and in the low bytes of 16-bit samples, and this block takes about as many bits.
  private func isDense(_ block: UnsafePointer<UInt8>, count: Int) -> Bool {
    guard let denseBits, !isThorough, blocksUnsearched < Self.mostUnsearched else { return false }
    unsafe kernels.encoding.count_bytes(block, count, frequencies.base)
    if literalBits(of: count) * 16 >= denseBits * 15 {
      unsafe frequencies.base[DeflateTables.blockEnd] = 1
      return true
    }
    unsafe frequencies.base.update(repeating: 0, count: Self.tableSize)
    return false
  }

  /// Records the figures that the next blocks are compared with.
  private func recordMatches(blockBytes: Int) {
    let literals = (0..<256).reduce(0) { unsafe $0 + Int(frequencies.base[$1]) }
    denseBits = (blockBytes - literals) * Self.leastMatched < blockBytes ? literalBits(of: literals) : nil
    blocksUnsearched = 0
  }

  /// The bits that 1,024 of the counted literals take in the last block's code.
  private func literalBits(of count: Int) -> Int {
    (0..<256).reduce(0) { unsafe $0 + Int(frequencies.base[$1]) * Int(bits.base[$1]) } * 1_024 / max(count, 1)
  }

  /// Makes the codes of a block, and the precode for the lengths of these codes. Returns the number of items by which the lengths are
  /// written.
  @discardableResult
  private func makeCodes() -> Int {
    unsafe lengths.base.update(repeating: 0, count: Self.tableSize)
    let (offsets, symbols) = (DeflateTables.offsets, DeflateTables.symbols)
    for (first, count, limit) in [(0, DeflateTables.litlenSymbols, 15), (offsets, DeflateTables.offsetSymbols, 15)] {
      unsafe kernels.encoding.make_code(
        frequencies.base + first, count, limit, lengths.base + first, codes.base + first, scratch.base)
    }
    unsafe kernels.encoding.estimate_bits(lengths.base, bits.base)
    let itemCount = unsafe kernels.encoding.collect_precode_items(
      lengths.base, items.base, frequencies.base + symbols)
    unsafe kernels.encoding.make_code(
      frequencies.base + symbols, DeflateTables.precodeSymbols, 7, lengths.base + symbols, codes.base + symbols,
      scratch.base)
    return itemCount
  }

  /// Ends on a whole byte: by padding the last byte, or, if the stream continues, with an empty stored block.
  private func finishByte(isLast: Bool) {
    reserve(8)
    if !isLast { bitCount += 3 }
    while bitCount > 0 {
      append(UInt8(truncatingIfNeeded: bitBuffer))
      bitBuffer >>= 8
      bitCount -= 8
    }
    bitCount = 0
    if !isLast { for byte: UInt8 in [0, 0, 0xFF, 0xFF] { append(byte) } }
  }

  private func append(_ byte: UInt8) {
    unsafe bytes.base[count] = byte
    count += 1
  }

  private func reserve(_ extra: Int) { bytes.grow(to: count + extra) }
}

/// Deflates with ISA-L.
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
