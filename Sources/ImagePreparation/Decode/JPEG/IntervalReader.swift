internal import CPixelIntrinsics
internal import Ground

/// Reads the entropy-coded bytes of a scan between restart markers, several strips at a time, into slots.
@safe
final class IntervalReader: @unchecked Sendable {
  // Unchecked: one thread reads. `StripQueue` ensures that other threads see only complete slots, and that no slot in use is overwritten.

  /// The bytes of some strips, in memory of the reader.
  @safe
  struct Slot {
    /// The bytes without their stuffing, one interval after the other.
    let bytes: UnsafePointer<UInt8>
    /// The end of each interval.
    let ends: UnsafePointer<UInt32>
    /// False if the file is damaged or cannot be read.
    let isIntact: Bool
  }

  /// The MCUs of an interval.
  let interval: Int
  private let mcuCount: Int
  private let slots: Int
  private let scan: JPEGScan
  private let window: ScanWindow
  private let kernels: KernelTable
  private let bytes: AlignedBuffer<UInt8>
  private let capacity: Int
  private let ends: AlignedBuffer<UInt32>
  private let isIntact: AlignedBuffer<Bool>
  /// The offset of the next byte in the source.
  private var offset: Int
  private var restarts = 0
  /// The MCUs of the scan that are not read yet.
  private var mcusLeft: Int
  private var hasFailed = false

  /// The number of bytes after an interval that kernels may read: the most that an MCU takes, and a vector.
  private static let slack = 4096 + 64
  /// The bytes of a slot for each block, of 64 coefficients. Encoders write less than half of it, even for noise in the best quality.
  private static let bytesPerBlock = 128

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - coding: A file of one scan with restart intervals.
  ///   - mcuCount: MCUs of the scan.
  ///   - mcusPerSlot: MCUs that are read at a time: whole intervals.
  ///   - blocksPerMCU: The blocks of an MCU.
  ///   - slots: The number of reads before the first slot has to be decoded.
  ///   - kernels: The kernels to read with.
  init(_ coding: JPEGCoding, mcuCount: Int, mcusPerSlot: Int, blocksPerMCU: Int, slots: Int, kernels: KernelTable) {
    scan = coding.scans[0]
    interval = scan.restartInterval
    offset = scan.start
    window = ScanWindow(coding.source, capacity: ScanSource.capacity)
    mcusLeft = mcuCount
    self.mcuCount = mcusPerSlot
    self.slots = slots
    self.kernels = kernels
    capacity = mcusPerSlot * blocksPerMCU * Self.bytesPerBlock + Self.slack
    bytes = AlignedBuffer(count: slots * capacity, zeroed: false)
    ends = AlignedBuffer(count: slots * mcusPerSlot / interval, zeroed: false)
    isIntact = AlignedBuffer(count: slots, zeroed: true)
  }

  /// An upper bound on the bytes of a slot.
  static func bytesNeeded(mcus: Int, blocksPerMCU: Int) -> Int {
    mcus * (blocksPerMCU * bytesPerBlock + MemoryLayout<UInt32>.size) + slack
  }

  /// The slot of the interval with the number `index`.
  func slot(_ index: Int) -> Slot {
    let k = index % slots
    return unsafe Slot(
      bytes: bytes.base + k * capacity, ends: ends.base + k * (mcuCount / interval), isIntact: isIntact.base[k])
  }

  /// Reads the bytes of the next MCUs, for the `index`-th time.
  func read(_ index: Int) {
    let k = index % slots
    if !hasFailed {
      hasFailed = unsafe !fill(bytes.base + k * capacity, ends.base + k * (mcuCount / interval))
    }
    unsafe isIntact.base[k] = !hasFailed
  }

  private func fill(_ bytes: UnsafeMutablePointer<UInt8>, _ ends: UnsafeMutablePointer<UInt32>) -> Bool {
    var (count, number) = (0, 0)
    let last = mcusLeft - min(mcuCount, mcusLeft)
    while mcusLeft > last {
      mcusLeft -= min(interval, mcusLeft)
      guard unsafe readInterval(bytes, &count), let (marker, end) = window.marker(at: offset) else { return false }
      guard marker == (mcusLeft == 0 ? scan.nextMarker : 0xD0 + UInt8(restarts & 7)) else { return false }
      restarts += 1
      offset = end
      unsafe ends[number] = UInt32(count)
      number += 1
    }
    return true
  }

  /// Adds the bytes before the next marker; false if there are too many, or no marker.
  private func readInterval(_ bytes: UnsafeMutablePointer<UInt8>, _ count: inout Int) -> Bool {
    // At least two bytes are requested: the one after a 0xFF decides whether it begins a marker.
    while let found = unsafe window.view(at: offset, atLeast: 2), let base = found.baseAddress {
      var written = 0
      var atMarker = false
      let room = capacity - Self.slack - count
      let read = unsafe kernels.decoding.remove_stuffing(
        base, min(found.count, room), bytes + count, &written, &atMarker)
      offset += read
      count += written
      if atMarker { return true }
      guard read > 0 else { return false }
    }
    return false
  }
}
