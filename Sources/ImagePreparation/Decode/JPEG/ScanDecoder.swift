internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Decodes the entropy-coded bytes of one scan into coefficients, a strip at a time.
@safe
final class ScanDecoder: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  private let scan: JPEGScan
  private let coding: ScanTables
  private let window: ScanWindow
  private let kernels: KernelTable
  /// The rows of MCUs that are not decoded yet, of all strips.
  private var rowsLeft: Int
  private let state = AlignedBuffer<UInt64>(count: EntropyState.words, zeroed: true)

  private let bytes: AlignedBuffer<UInt8>
  private let capacity: Int
  /// The number of bytes in ``bytes``.
  private var byteCount = 0
  /// The offset of the next byte in the source.
  private var offset: Int
  /// True when a marker or the end of the source follows the bytes in ``bytes``.
  private var isSegmentComplete = false
  private var restarts = 0
  private var mcusToRestart: Int

  /// An upper bound on the memory of one of many scans: one table and the bytes that are read ahead. It includes shares of the further
  /// tables that DC scans of several components have, and of the memory that all scans use.
  static let mostBytes =
    HuffmanTable.entries * MemoryLayout<UInt64>.size + ScanSource.capacityPerScan + 16 * 1024

  /// Makes a decoder; nil if libjpeg-turbo has to decode the scan. `isOnly` is true if the file has no other scan.
  init?(
    _ scan: JPEGScan, isOnly: Bool, frame: JPEGFrame, layout: CoefficientLayout, source: ScanSource,
    kernels: KernelTable
  ) {
    guard let coding = ScanTables(scan, frame: frame, layout: layout) else { return nil }
    // The buffers of all scans together should stay in the cache.
    capacity = (isOnly ? 32 : 8) * 1024
    window = ScanWindow(source, capacity: isOnly ? ScanSource.capacity : ScanSource.capacityPerScan)
    bytes = AlignedBuffer(count: capacity + coding.mostBytesPerMCU, zeroed: true)
    offset = scan.start
    mcusToRestart = scan.restartInterval == 0 ? .max : scan.restartInterval
    rowsLeft = coding.rowCount
    self.coding = coding
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
    for start in coding.rowStarts.prefix(rowsLeft) {
      guard unsafe decodeRow(coefficients + start, nonzero: nonzero + start / 64) else { return false }
    }
    if rowsLeft != .max { rowsLeft -= min(rowsLeft, coding.rowStarts.count) }
    return true
  }

  private func decodeRow(_ coefficients: UnsafeMutablePointer<Int16>, nonzero: UnsafeMutablePointer<UInt64>) -> Bool {
    var done = 0
    while done < coding.mcusPerRow {
      if mcusToRestart == 0 {
        guard restart() else { return false }
      }
      guard let limit = fillBytes() else { return false }
      let decoded = unsafe decode(
        from: done, count: min(coding.mcusPerRow - done, mcusToRestart), limit: limit, coefficients, nonzero)
      guard decoded >= 0 else { return false }
      done += decoded
      if mcusToRestart != .max { mcusToRestart -= decoded }
    }
    return true
  }

  /// Decodes MCUs whose first byte is not after `limit`.
  private func decode(
    from first: Int, count: Int, limit: Int, _ coefficients: UnsafeMutablePointer<Int16>,
    _ nonzero: UnsafeMutablePointer<UInt64>
  ) -> Int {
    let decoding = kernels.decoding
    if coding.kind == .sequential {
      return unsafe decoding.decode_mcus(
        bytes.base, byteCount, limit, state.base, coding.blocks.base, coding.blockCount, coding.tables.base,
        coding.naturalOrder.base, first, count, coefficients)
    }
    let parameters = unsafe cpi_progressive_decoding(
      bytes: bytes.base, end: byteCount, limit: limit, state: state.base, tables: coding.tables.base,
      natural_order: coding.naturalOrder.base, blocks: coding.blocks.base, block_count: coding.blockCount,
      first_position: scan.band.lowerBound, last_position: scan.band.upperBound, low_bit: scan.lowBit, first: first,
      count: count, coefficients: coefficients, nonzero: nonzero)
    return switch coding.kind {
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
    guard position > byteCount - coding.mostBytesPerMCU else { return byteCount - coding.mostBytesPerMCU }
    let base = unsafe bytes.base
    byteCount -= position
    unsafe base.update(from: base + position, count: byteCount)
    unsafe state.base[EntropyState.position] = 0
    // Each view has more than one byte, unless the source ends. A 0xFF that is the last byte is left to the next view, because it may begin
    // a marker.
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
        // The decoder may read bytes after these. They are not cleared, because an MCU that needs them is damaged, whatever they contain.
        isSegmentComplete = true
        return .max
      }
    }
    return byteCount - coding.mostBytesPerMCU
  }
}
