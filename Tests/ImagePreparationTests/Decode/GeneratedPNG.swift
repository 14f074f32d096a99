import CZlib
import TestSupport

/// A PNG that is made from a seed. It has any size, color type, bit depth, row filters, compression and division into chunks.
///
/// The filtered rows are random bytes, because any filtered bytes mean some image.
struct GeneratedPNG {
  let colorType: UInt8
  let bitDepth: Int
  let (width, height): (Int, Int)
  /// Chunks before the data.
  let headers: [PNGFile.Chunk]
  /// The filtered rows, each after the number of its filter. The rows of an interlaced image are in the order of its passes.
  var rows: [UInt8]
  /// The positions of the filter numbers in ``rows``.
  private(set) var filterPlaces: [Int] = []
  /// The random numbers for more decisions of the same test.
  var random: SplitMix64

  /// The first column and row of each pass, and the distances to the next ones (PNG third edition, 8.2).
  private static let passes = [
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
  ]

  init(seed: UInt64, isInterlaced: Bool = false) {
    var random = SplitMix64(seed: seed)
    let kinds: [(UInt8, [Int])] = [
      (0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16]),
    ]
    let (colorType, depths) = kinds.randomElement(using: &random)!
    let bitDepth = depths.randomElement(using: &random)!
    self.colorType = colorType
    self.bitDepth = bitDepth
    // One image in eight is so wide that its data are longer than every window and every read-ahead.
    let isWide = random.next() % 8 == 0
    width = .random(in: 1...(isWide ? 4_000 : 70), using: &random)
    height = .random(in: 1...(isWide ? 18 : 50), using: &random)
    var headers = Self.headers(colorType, bitDepth, width, height, &random)
    if isInterlaced { headers[0].data[12] = 1 }
    self.headers = headers
    rows = []
    // For each filter, a sixth of the images uses it for all rows. The last sixth mixes the filters.
    let onlyFilter = UInt8(random.next() % 6)
    for (left, top, columnStep, rowStep) in isInterlaced ? Self.passes : [(0, 0, 1, 1)] where left < width {
      let columns = (width - left + columnStep - 1) / columnStep
      let count = (columns * bitDepth * Self.samples(of: colorType) + 7) / 8
      for y in stride(from: top, to: height, by: rowStep) {
        filterPlaces.append(rows.count)
        rows.append(onlyFilter < 5 ? onlyFilter : UInt8(random.next() % 5))
        switch random.next() % 4 {
        case 0: rows += (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        case 1: rows += (0..<count).map { _ in random.next() % 9 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 0 }
        case 2 where y > top: rows += rows[rows.count - 1 - count..<rows.count - 1]
        default: rows += (0..<count).map { UInt8(truncatingIfNeeded: $0 % 7) }
        }
      }
    }
    self.random = random
  }

  static func samples(of colorType: UInt8) -> Int { [1, 0, 3, 1, 2, 0, 4][Int(colorType)] }

  private static func headers(
    _ colorType: UInt8, _ bitDepth: Int, _ width: Int, _ height: Int, _ random: inout SplitMix64
  ) -> [PNGFile.Chunk] {
    let size = PNGFile.bigEndian(UInt32(width)) + PNGFile.bigEndian(UInt32(height))
    var chunks: [PNGFile.Chunk] = [("IHDR", size + [UInt8(bitDepth), colorType, 0, 0, 0])]
    let entries = Int.random(in: 1...(1 << min(bitDepth, 8)), using: &random)
    if colorType == 3 {
      chunks.append(("PLTE", (0..<entries * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) }))
    }
    guard random.next() & 1 == 0, colorType < 4 else { return chunks }
    // The key is often a color that occurs in the image. It may have bits above the bit depth.
    let key = (0..<6).map { _ in random.next() & 1 == 0 ? 0 : UInt8(truncatingIfNeeded: random.next()) }
    switch colorType {
    case 0: chunks.append(("tRNS", Array(key[..<2])))
    case 2: chunks.append(("tRNS", key))
    default:
      let count = Int.random(in: 1...entries, using: &random)
      chunks.append(("tRNS", (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }))
    }
    return chunks
  }

  /// The rows, compressed by zlib.
  mutating func compressed() -> [UInt8] {
    let strategies = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED]
    return Self.deflate(
      rows, level: .random(in: 0...9, using: &random), strategy: strategies.randomElement(using: &random)!)
  }

  /// A zlib stream.
  static func deflate(
    _ bytes: [UInt8], level: CInt = 6, strategy: CInt = Z_DEFAULT_STRATEGY, windowBits: CInt = 15
  ) -> [UInt8] {
    var bytes = bytes
    var stream = unsafe z_stream()
    unsafe deflateInit2_(
      &stream, level, Z_DEFLATED, windowBits, 8, strategy, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
    var output = [UInt8](repeating: 0, count: Int(unsafe deflateBound(&stream, uLong(bytes.count))))
    let count = unsafe bytes.withUnsafeMutableBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe stream.next_in = input.baseAddress
        unsafe stream.avail_in = uInt(input.count)
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = uInt(output.count)
        let status = unsafe CZlib.deflate(&stream, Z_FINISH)
        precondition(status == Z_STREAM_END, "zlib: \(status)")
        return unsafe output.count - Int(stream.avail_out)
      }
    }
    unsafe deflateEnd(&stream)
    return Array(output.prefix(count))
  }

  /// The file with this zlib stream, cut into chunks.
  mutating func file(data: [UInt8]) -> PNGFile {
    var chunks = headers
    var at = 0
    let longest = max(data.count / 100, [1, 30, 1_000, 8_192].randomElement(using: &random)!)
    while at < data.count {
      let end = min(data.count, at + .random(in: 0...longest, using: &random))
      chunks.append(("IDAT", Array(data[at..<end])))
      at = end
    }
    return PNGFile(chunks: chunks + [("IEND", [])])
  }
}
