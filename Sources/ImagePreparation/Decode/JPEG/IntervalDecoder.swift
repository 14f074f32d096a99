internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Decodes the scan of a JPEG between restart markers, where nothing depends on earlier bytes (T.81 E.1.4). If a strip is no whole number
/// of intervals, several strips are decoded at a time.
///
/// Coefficients are transformed some MCUs at a time, so that they stay in the second-level cache beside the rows.
@safe
final class IntervalDecoder: DeferredDecoding, @unchecked Sendable {
  // Unchecked: only the reader changes, and `StripQueue` orders its use. Each call has its own coefficients.

  /// The number of strips that are decoded at a time.
  private let strips: Int
  /// The number of strips that may be read before the first of them is decoded.
  let stripsInFlight: Int
  private let stripCount: Int
  private let intervals: IntervalReader
  private let tables: ScanTables
  private let layout: CoefficientLayout
  private let transform: BlockTransform
  private let kernels: KernelTable

  var independentStrips: Int? { strips }

  /// The MCUs whose coefficients are in memory: an even number, because kernels transform two blocks at a time. With 16 MCUs, a preparation
  /// takes 2 to 5 % more processor time; with whole rows, it takes 1 % less, but more memory.
  private static let mcusAtOnce = 128
  /// The most strips that are decoded at a time.
  private static let mostStrips = 8

  /// Takes over the scan of a reader of planes, which must outlive this value. Nil if the file has to be decoded in order.
  ///
  /// - Parameters:
  ///   - reader: A reader of which no strip was read.
  ///   - strips: The result of ``independentStrips(interval:size:samplingFactors:)``.
  ///   - ahead: The number of strips that are read ahead.
  ///   - kernels: The kernels to decode with.
  init?(_ reader: borrowing JPEGPlaneReader, strips: Int, ahead: Int, kernels: KernelTable) {
    guard let coding = unsafe JPEGCoding(reader.handle, kernels: kernels, maxScans: reader.maxScans),
      coding.scans.count == 1, coding.scans[0].restartInterval > 0
    else { return nil }
    layout = CoefficientLayout(coding.frame, mcuCount: Self.mcusAtOnce)
    guard let tables = ScanTables(coding.scans[0], frame: coding.frame, layout: layout), tables.kind == .sequential,
      tables.rowStarts.count == 1, strips * tables.mcusPerRow % coding.scans[0].restartInterval == 0
    else { return nil }
    stripCount = reader.stripCount
    intervals = IntervalReader(
      coding, mcuCount: stripCount * tables.mcusPerRow, mcusPerSlot: strips * tables.mcusPerRow,
      blocksPerMCU: tables.blockCount, slots: ahead / strips, kernels: kernels)
    transform = BlockTransform(coding.frame, kernels: kernels)
    stripsInFlight = ahead / strips * strips
    self.tables = tables
    self.strips = strips
    self.kernels = kernels
  }

  /// The least number of strips that are a whole number of restart intervals, so that decoding can begin at each multiple of this number of
  /// strips. Nil if the number is too large, or the MCUs of a strip are not one row.
  static func independentStrips(
    interval: Int, size: ImageSize, samplingFactors factors: [(horizontal: Int, vertical: Int)]
  ) -> Int? {
    guard interval > 0, factors.count > 1 || factors.allSatisfy({ $0 == (1, 1) }) else { return nil }
    let strips = interval / greatestCommonDivisor(interval, mcusPerStrip(size: size, samplingFactors: factors))
    return strips <= mostStrips ? strips : nil
  }

  /// An upper bound on the memory for the scan's bytes and for the coefficients, on two threads.
  static func bytesNeeded(size: ImageSize, samplingFactors factors: [(horizontal: Int, vertical: Int)], ahead: Int)
    -> Int
  {
    let blocks = factors.count == 1 ? 1 : factors.reduce(0) { $0 + $1.horizontal * $1.vertical }
    return ahead
      * IntervalReader.bytesNeeded(mcus: mcusPerStrip(size: size, samplingFactors: factors), blocksPerMCU: blocks)
      + 2 * (mcusAtOnce * blocks + 1) * 64 * MemoryLayout<Int16>.size
  }

  private static func mcusPerStrip(size: ImageSize, samplingFactors factors: [(horizontal: Int, vertical: Int)]) -> Int
  {
    let width = 8 * (factors.count == 1 ? 1 : factors.map(\.horizontal).max() ?? 1)
    return (size.width + width - 1) / width
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }

  /// Reads the bytes of strip `index`, unless they were read together with those of an earlier strip.
  func readStrip(_ index: Int) {
    if index % strips == 0 { intervals.read(index / strips) }
  }

  func finishStrip(_ index: Int, in rings: [RowRing]) -> Bool {
    let slot = intervals.slot(index / strips)
    guard slot.isIntact else { return false }
    let coefficients = AlignedBuffer<Int16>(count: layout.coefficientCount, zeroed: false)
    let state = AlignedBuffer<UInt64>(count: EntropyState.words, zeroed: true)
    defer {
      extendLifetime(coefficients)
      extendLifetime(state)
    }
    var position = IntervalPosition(mcusLeft: intervals.interval)
    for strip in index..<min(index + strips, stripCount) {
      var first = 0
      while first < tables.mcusPerRow {
        let count = min(Self.mcusAtOnce, tables.mcusPerRow - first)
        guard unsafe decode(count, slot, state.base, &position, coefficients.base) else { return false }
        unsafe transform.transform(
          coefficients.base, layout, mcus: first..<first + count, ofStrip: strip, into: rings)
        first += count
      }
    }
    return unsafe hasEnded(slot, position.interval, state.base)
  }

  /// The position of decoding in a slot.
  private struct IntervalPosition {
    var interval = 0
    var mcusLeft: Int
  }

  private func decode(
    _ count: Int, _ slot: IntervalReader.Slot, _ state: UnsafeMutablePointer<UInt64>,
    _ position: inout IntervalPosition,
    _ coefficients: UnsafeMutablePointer<Int16>
  ) -> Bool {
    var done = 0
    while done < count {
      if position.mcusLeft == 0 {
        guard unsafe hasEnded(slot, position.interval, state) else { return false }
        unsafe state.update(repeating: 0, count: EntropyState.words)
        unsafe state[EntropyState.position] = UInt64(slot.ends[position.interval])
        position.interval += 1
        position.mcusLeft = intervals.interval
      }
      let wanted = min(count - done, position.mcusLeft)
      let decoded = unsafe kernels.decoding.decode_mcus(
        slot.bytes, Int(slot.ends[position.interval]), .max, state, tables.blocks.base, tables.blockCount,
        tables.tables.base, tables.naturalOrder.base, done, wanted, coefficients)
      guard decoded == wanted else { return false }
      done += wanted
      position.mcusLeft -= wanted
    }
    return true
  }

  /// True when less than a byte of an interval is left.
  private func hasEnded(_ slot: IntervalReader.Slot, _ interval: Int, _ state: UnsafePointer<UInt64>) -> Bool {
    let left = unsafe (Int(slot.ends[interval]) - Int(state[EntropyState.position])) * 8
    return unsafe 0..<8 ~= left + Int(state[EntropyState.bitCount])
  }
}
