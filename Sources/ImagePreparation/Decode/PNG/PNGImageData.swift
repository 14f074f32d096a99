internal import CImageCodecs
internal import Ground

/// The inflated image data of a PNG: its IDAT chunks as one zlib stream (RFC 1950), without its header.
@safe
struct PNGImageData: ~Copyable {
  /// The C decoder, which must outlive this value.
  private let handle: OpaquePointer
  private let cancellation: CancellationFlag?
  private var inflater: Inflater
  /// The number of compressed bytes that were read.
  private var gathered = 0
  /// For each chunk that ends after the inflated part, the number of compressed bytes up to its end.
  private var chunkEnds: [Int] = []
  /// True once there are no more chunks.
  private var isGathered = false
  /// The status at the end of the chunks.
  private var fault = cic_status.CIC_OK
  /// The stream's Adler-32; nil until it is read.
  private var storedAdler: UInt32?
  /// The Adler-32 and the number of inflated bytes after the last row.
  private var excess: (adler: UInt32, count: Int) = (1, 0)

  /// Reads the image data of `handle`, a decoder after `cic_png_start_idat`.
  init(_ handle: OpaquePointer, cancellation: CancellationFlag?, kernels: KernelTable) {
    unsafe self.handle = handle
    self.cancellation = cancellation
    inflater = Inflater(kernels: kernels)
  }

  /// Inflates the next bytes: fewer than `count` only at the end of the stream, or on failure.
  mutating func read(into base: UnsafeMutablePointer<UInt8>, count: Int, written: inout Int) -> cic_status {
    while true {
      if cancellation?.isCanceled == true { return .CIC_CANCELED }
      switch unsafe inflater.read(into: base, count: count, written: &written) {
      case .done, .ended: return .CIC_OK
      case .broken(let message): return unsafe cic_png_record_fault(handle, .CIC_PNG_DAMAGE, "IDAT: \(message)")
      case .needsInput:
        let status = gather()
        guard status == .CIC_OK else { return status }
      }
    }
  }

  /// Records that there are fewer bytes than the image needs.
  func recordShortData() -> cic_status { unsafe cic_png_record_fault(handle, .CIC_PNG_DAMAGE, "Not enough image data") }

  private mutating func gather() -> cic_status {
    if isGathered { return fault == .CIC_OK ? recordShortData() : fault }
    let room = unsafe inflater.inputRoom()
    var batch = unsafe cic_png_batch()
    fault = unsafe cic_png_read_idat(handle, room.baseAddress!, room.count, &batch)
    guard fault != .CIC_CANCELED else { return fault }
    guard unsafe batch.count > 0 else {
      isGathered = true
      inflater.endInput()
      return .CIC_OK
    }
    chunkEnds.removeAll { $0 < inflater.inputOffset }
    for index in unsafe 0..<batch.chunk_end_count { unsafe chunkEnds.append(gathered + batch.chunk_ends![index]) }
    unsafe gathered += batch.count
    unsafe inflater.append(batch.count)
    return .CIC_OK
  }

  /// Reads to the end of the stream, and records surplus data.
  mutating func finish() -> cic_status {
    let discarded = AlignedBuffer<UInt8>(count: 16 * 1024, zeroed: false)
    var count = 0
    repeat {
      count = 0
      let status = unsafe read(into: discarded.base, count: 16 * 1024, written: &count)
      guard status == .CIC_OK else { return status }
      excess = unsafe (cic_adler32(excess.adler, discarded.base, count), excess.count + count)
    } while count > 0
    var adler: UInt32 = 0
    for _ in 0..<4 {
      var byte = inflater.takeByte()
      while byte == nil {
        let status = gather()
        guard status == .CIC_OK else { return status }
        byte = inflater.takeByte()
      }
      adler = adler << 8 | UInt32(byte!)
    }
    storedAdler = adler
    if excess.count > 0 {
      let status = unsafe cic_png_record_fault(handle, .CIC_PNG_BENIGN, "IDAT: Too much image data")
      guard status == .CIC_OK else { return status }
    }
    return chunkEnds.contains(inflater.inputOffset)
      ? .CIC_OK : unsafe cic_png_record_fault(handle, .CIC_PNG_BENIGN, "IDAT: Extra compressed data")
  }

  /// Compares the stream's checksum with `adler`, the Adler-32 of all rows. To be called after ``finish()``.
  func check(adler: UInt32) -> cic_status {
    guard let storedAdler, cic_adler32_combine(adler, excess.adler, excess.count) != storedAdler else { return .CIC_OK }
    return unsafe cic_png_record_fault(handle, .CIC_PNG_CHECKSUM, "IDAT: incorrect data check")
  }
}

// The decoder has one owner and may move between threads.
extension PNGImageData: @unchecked Sendable {}
