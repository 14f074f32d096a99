internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Decodes the entropy-coded bytes of one scan into coefficients, a strip at a time.
@safe
final class ScanDecoder: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  /// The kernel for a scan.
  private enum Kind { case sequential, dc, dcRefinement, acBand, acRefinement }

  private let scan: JPEGScan
  private let kind: Kind
  private let window: ScanWindow
  private let kernels: KernelTable
  private let tables: AlignedBuffer<UInt64>
  private let blocks: AlignedBuffer<Int>
  private let blockCount: Int
  /// The number of MCUs in a row.
  private let rowCount: Int
  /// Where a strip's rows of MCUs begin: one of an interleaved scan, each block row of a scan of one component.
  private let rowStarts: [Int]
  /// The rows of MCUs of all strips.
  private var rowsLeft: Int
  private let naturalOrder = ScanDecoder.naturalOrder()
  private let state = AlignedBuffer<UInt64>(count: EntropyState.words, zeroed: true)

  private let bytes: AlignedBuffer<UInt8>
  private let capacity: Int
  /// An upper bound on the encoded size of an MCU in bytes, with those that are read ahead.
  private let mostBytesPerMCU: Int
  /// The number of bytes in ``bytes``.
  private var byteCount = 0
  /// The offset of the next byte in the source.
  private var offset: Int
  /// True when a marker or the source's end follows these bytes.
  private var isSegmentComplete = false
  private var restarts = 0
  private var mcusToRestart: Int

  /// An upper bound on the bytes of one of many scans: its table and what is read ahead, with a share of the tables that DC scans of
  /// several components have, and of what is common to all scans.
  static let mostBytes =
    HuffmanTable.entries * MemoryLayout<UInt64>.size + ScanSource.capacityPerScan + 16 * 1024

  /// Makes a decoder; nil if libjpeg-turbo has to decode the scan. `isOnly` is true where the file has no other scan.
  init?(
    _ scan: JPEGScan, isOnly: Bool, frame: JPEGFrame, layout: CoefficientLayout, source: ScanSource,
    kernels: KernelTable
  ) {
    let isDC = scan.band.lowerBound == 0
    kind =
      !frame.isProgressive
      ? .sequential
      : isDC
        ? scan.highBit == 0 ? .dc : .dcRefinement : scan.highBit == 0 ? .acBand : .acRefinement
    // T.81 F.1.2, F.2.2.3: codes of at most 31 bits with their value, 10 blocks of 64 of them in an MCU. A progressive scan has MCUs
    // of 10 such codes, or blocks of 64.
    mostBytesPerMCU = kind == .sequential ? 4096 : 512
    // The buffers of all scans together should stay in the cache.
    capacity = (isOnly ? 32 : 8) * 1024
    window = ScanWindow(source, capacity: isOnly ? ScanSource.capacity : ScanSource.capacityPerScan)
    bytes = AlignedBuffer(count: capacity + mostBytesPerMCU, zeroed: true)

    // MCUs.
    var descriptions: [[Int]] = []
    if scan.components.count == 1 {
      // T.81 A.2.2: one block an MCU, whatever the sampling factors are, and only blocks of the image.
      let (component, place) = (frame.components[scan.components[0].index], layout.components[scan.components[0].index])
      descriptions = [[0, 0, 64]]
      rowCount = component.blocksPerRow
      rowsLeft = component.blockRows
      rowStarts = (0..<place.blockRows).map { place.start + $0 * place.rowStep }
    } else {
      for (number, listed) in scan.components.enumerated() {
        let (component, place) = (frame.components[listed.index], layout.components[listed.index])
        for y in 0..<component.verticalSampling {
          for x in 0..<component.horizontalSampling {
            descriptions.append([number, place.start + y * place.rowStep + x * 64, component.horizontalSampling * 64])
          }
        }
      }
      guard descriptions.count <= 10 else { return nil }
      rowCount = frame.mcusPerRow
      rowsLeft = .max
      rowStarts = [0]
    }

    // Tables. Components with equal ones, usually Cb and Cr, share them, so that all tables together stay in the cache.
    var contents: [(code: HuffmanCode, kind: HuffmanCode.Symbols, steps: [UInt16])] = []
    func number(_ key: UInt8, _ kind: HuffmanCode.Symbols, _ steps: [UInt16]) -> Int? {
      guard let code = scan.codes[key], kind != .dc || code.isDC else { return nil }
      if let same = contents.firstIndex(where: { $0.code == code && $0.kind == kind && $0.steps == steps }) {
        return same
      }
      contents.append((code, kind, steps))
      return contents.count - 1
    }
    var numbers: [(dc: Int, ac: Int)] = []
    for listed in scan.components {
      let steps = frame.components[listed.index].steps
      var (dc, ac): (Int?, Int?) = (0, 0)
      switch kind {
      case .sequential:
        dc = number(listed.dcTable, .dc, steps)
        ac = number(listed.acTable, .ac, steps)
      case .dc: dc = number(listed.dcTable, .dc, steps)
      case .acBand: ac = number(listed.acTable, .acBand, steps)
      case .acRefinement:
        ac = number(listed.acTable, .acRefinement, steps)
        // The kernel does not look at the bounds of new coefficients.
        guard steps.allSatisfy({ HuffmanCode.bound(step: $0, lowBit: scan.lowBit) >= 1 }) else { return nil }
      case .dcRefinement: break
      }
      guard let dc, let ac else { return nil }
      numbers.append((dc, ac))
    }
    tables = AlignedBuffer(count: max(contents.count, 1) * HuffmanTable.entries, zeroed: true)
    for (index, content) in contents.enumerated() {
      unsafe content.code.fill(
        tables.base + index * HuffmanTable.entries, kind: content.kind, lowBit: scan.lowBit, steps: content.steps)
    }
    blocks = AlignedBuffer(count: descriptions.count * EntropyBlock.words, zeroed: false)
    for (index, description) in descriptions.enumerated() {
      let words = unsafe blocks.base + index * EntropyBlock.words
      unsafe words[EntropyBlock.component] = description[0]
      unsafe words[EntropyBlock.start] = description[1]
      unsafe words[EntropyBlock.step] = description[2]
      unsafe words[EntropyBlock.dcTable] = numbers[description[0]].dc
      unsafe words[EntropyBlock.acTable] = numbers[description[0]].ac
    }
    blockCount = descriptions.count
    offset = scan.start
    mcusToRestart = scan.restartInterval == 0 ? .max : scan.restartInterval
    self.scan = scan
    self.kernels = kernels
  }

  /// Decodes the next strip.
  ///
  /// - Parameters:
  ///   - coefficients: The strip's coefficients, in the layout of ``CoefficientLayout``.
  ///   - nonzero: A word for each block, with the zigzag positions of the AC coefficients of progressive scans that are not zero.
  /// - Returns: False if the scan is damaged or cannot be read; the decoder cannot be used after that.
  func decodeStrip(_ coefficients: UnsafeMutablePointer<Int16>, nonzero: UnsafeMutablePointer<UInt64>) -> Bool {
    for start in rowStarts.prefix(rowsLeft) {
      guard unsafe decodeRow(coefficients + start, nonzero: nonzero + start / 64) else { return false }
    }
    if rowsLeft != .max { rowsLeft -= min(rowsLeft, rowStarts.count) }
    return true
  }

  private func decodeRow(_ coefficients: UnsafeMutablePointer<Int16>, nonzero: UnsafeMutablePointer<UInt64>) -> Bool {
    var done = 0
    while done < rowCount {
      if mcusToRestart == 0 {
        guard restart() else { return false }
      }
      guard let limit = fillBytes() else { return false }
      let decoded = unsafe decode(
        from: done, count: min(rowCount - done, mcusToRestart), limit: limit, coefficients, nonzero)
      guard decoded >= 0 else { return false }
      done += decoded
      if mcusToRestart != .max { mcusToRestart -= decoded }
    }
    return true
  }

  /// Decodes MCUs whose first byte is not behind `limit`.
  private func decode(
    from first: Int, count: Int, limit: Int, _ coefficients: UnsafeMutablePointer<Int16>,
    _ nonzero: UnsafeMutablePointer<UInt64>
  ) -> Int {
    let decoding = kernels.decoding
    if kind == .sequential {
      return unsafe decoding.decode_mcus(
        bytes.base, byteCount, limit, state.base, blocks.base, blockCount, tables.base, naturalOrder.base, first, count,
        coefficients)
    }
    let parameters = unsafe cpi_progressive_decoding(
      bytes: bytes.base, end: byteCount, limit: limit, state: state.base, tables: tables.base,
      natural_order: naturalOrder.base, blocks: blocks.base, block_count: blockCount,
      first_position: scan.band.lowerBound, last_position: scan.band.upperBound, low_bit: scan.lowBit, first: first,
      count: count, coefficients: coefficients, nonzero: nonzero)
    return switch kind {
    case .dc: unsafe decoding.decode_dc(parameters)
    case .dcRefinement: unsafe decoding.refine_dc(parameters)
    case .acBand: unsafe decoding.decode_ac(parameters)
    default: unsafe decoding.refine_ac(parameters)
    }
  }

  /// True when the scan is complete and its marker follows.
  func isComplete() -> Bool { hasEnded() && marker() == scan.nextMarker }

  /// Begins the next restart interval (T.81 E.1.4).
  private func restart() -> Bool {
    guard hasEnded(), let marker = marker(), marker == 0xD0 + UInt8(restarts & 7) else { return false }
    unsafe state.base.update(repeating: 0, count: EntropyState.words)
    byteCount = 0
    isSegmentComplete = false
    restarts += 1
    mcusToRestart = scan.restartInterval
    return true
  }

  /// True when less than a byte is left before a marker.
  private func hasEnded() -> Bool {
    guard fillBytes() != nil, isSegmentComplete else { return false }
    let left = unsafe (byteCount - position) * 8 + Int(state.base[EntropyState.bitCount])
    return 0..<8 ~= left
  }

  private var position: Int { unsafe Int(state.base[EntropyState.position]) }

  /// Reads the next marker with any fill bytes before it; nil if there is none.
  private func marker() -> UInt8? {
    guard let (code, end) = window.marker(at: offset) else { return nil }
    offset = end
    return code
  }

  /// Buffers at least one MCU, or the rest of the segment.
  ///
  /// - Returns: The last byte at which an MCU may begin; nil if the source cannot be read.
  private func fillBytes() -> Int? {
    let position = position
    guard !isSegmentComplete else { return .max }
    guard position > byteCount - mostBytesPerMCU else { return byteCount - mostBytesPerMCU }
    let base = unsafe bytes.base
    byteCount -= position
    unsafe base.update(from: base + position, count: byteCount)
    unsafe state.base[EntropyState.position] = 0
    // Each view has more than one byte, unless the source ends: a last 0xFF stays where it is, because it may begin a marker.
    while byteCount < capacity - 256 {
      guard let next = unsafe window.view(at: offset, atLeast: 2) else { return nil }
      var written = 0
      var atMarker = false
      var read = 0
      if let first = next.baseAddress {
        let count = min(next.count, capacity - 8 - byteCount)
        read = unsafe kernels.decoding.remove_stuffing(first, count, base + byteCount, &written, &atMarker)
        offset += read
        byteCount += written
      }
      guard !atMarker, read > 0 else {
        // What is behind these bytes may be read, and is not cleared: an MCU that needs it is damaged whatever it is.
        isSegmentComplete = true
        return .max
      }
    }
    return byteCount - mostBytesPerMCU
  }

  /// The natural index of each zigzag position (T.81 figure 5).
  private static func naturalOrder() -> AlignedBuffer<UInt8> {
    let order = AlignedBuffer<UInt8>(count: 64, zeroed: true)
    var position = 0
    for diagonal in 0..<15 {
      let rows = max(0, diagonal - 7)...min(diagonal, 7)
      for y in diagonal % 2 == 0 ? Array(rows.reversed()) : Array(rows) {
        unsafe order.base[position] = UInt8(y * 8 + diagonal - y)
        position += 1
      }
    }
    return order
  }
}
