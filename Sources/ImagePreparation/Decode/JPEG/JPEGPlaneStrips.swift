internal import CImageCodecs
internal import Ground

/// The planes of a JPEG, strip by strip.
///
/// A flawless baseline file is decoded without libjpeg-turbo: into coefficients where strips are read, and from those into
/// samples where they are consumed, so that two threads are both busy. Whatever else a file is or turns out to be,
/// libjpeg-turbo reads it, from the scan's first byte on.
final class JPEGPlaneStrips: StripDecoder, @unchecked Sendable {
  // Unchecked: one thread at a time calls it.

  let planes: [StripPlane]
  let stripCount: Int
  private var reader: JPEGPlaneReader
  /// nil when libjpeg-turbo reads.
  private var entropy: EntropyDecoder?
  private let strips: InverseTransform?

  /// - Parameters:
  ///   - threads: 2 where strips are read and consumed on two of them.
  ///   - decodesEntropy: False to leave all to libjpeg-turbo.
  init(_ reader: consuming JPEGPlaneReader, kernels: KernelTable, threads: Int, decodesEntropy: Bool = true) {
    planes = reader.planes.map { plane in
      StripPlane(
        layout: RowLayout(channels: .gray, bitDepth: 8, width: plane.size.width), height: plane.size.height,
        stripRows: plane.rowsPerStrip, rowBytes: plane.paddedWidth)
    }
    stripCount = reader.stripCount
    if decodesEntropy, let decoder = unsafe EntropyDecoder(reader.handle, kernels: kernels) {
      strips = InverseTransform(decoder.scan, kernels: kernels, slots: RowRing.stripsAhead(threads: threads))
      entropy = consume decoder
    } else {
      strips = nil
      entropy = nil
    }
    self.reader = reader
  }

  var damage: DecodingDamage { reader.damage }
  /// False where libjpeg-turbo reads, or has to read on.
  var decodesEntropy: Bool { entropy != nil }
  var deferred: (any DeferredDecoding)? { strips }
  var stripsInFlight: Int { strips?.slots ?? .max }

  /// Bytes that coefficients take, where they are decoded here.
  static func bytesNeeded(
    size: ImageSize, samplingFactors factors: [(horizontal: Int, vertical: Int)], threads: Int
  ) -> Int {
    let mcuWidth = 8 * (factors.map(\.horizontal).max() ?? 1)
    let blocksPerMCU = factors.reduce(0) { $0 + $1.horizontal * $1.vertical }
    let mcusPerRow = (size.width + mcuWidth - 1) / mcuWidth
    return RowRing.stripsAhead(threads: threads) * mcusPerRow * blocksPerMCU * 64 * MemoryLayout<Int16>.size
  }

  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError) {
    if let strips {
      if let isDecoded = unsafe entropy?.decodeStrip(strips.coefficients(index)), isDecoded {
        strips.setIsCoded(index, true)
        return
      }
      strips.setIsCoded(index, false)
      if entropy != nil { try returnScan(skipping: index) }
    }
    let bases = unsafe rings.map { ring in
      unsafe Optional(ring.row(index * ring.stripRows).assumingMemoryBound(to: UInt8.self))
    }
    let isThere = try unsafe reader.readStrip(into: bases, strides: rings.map(\.stride))
    precondition(isThere, "strip \(index) of \(stripCount) is missing")
  }

  func finish() throws(PreparationError) {
    if let isComplete = entropy?.isComplete() {
      if isComplete { return }
      try returnScan(skipping: stripCount)
    }
    try reader.finish()
  }

  /// Has libjpeg-turbo read on from strip `count`.
  private func returnScan(skipping count: Int) throws(PreparationError) {
    entropy = nil
    unsafe cic_jpeg_return_scan(reader.handle)
    // One buffer for all planes: nobody looks at these rows.
    let bytes = planes.map { $0.stripRows * $0.rowBytes }
    let scratch = AlignedBuffer<UInt8>(count: bytes.max() ?? 0, zeroed: false)
    defer { extendLifetime(scratch) }
    let bases = unsafe planes.map { _ in unsafe Optional(scratch.base) }
    for _ in 0..<count { _ = try unsafe reader.readStrip(into: bases, strides: planes.map(\.rowBytes)) }
  }
}

/// Turns the coefficients of strips into samples: inverse DCT and dequantization.
@safe
private final class InverseTransform: DeferredDecoding, @unchecked Sendable {
  // Unchecked: `StripQueue` sees to it that a slot is written only when the other side has consumed it.

  let slots: Int
  private let layout: CoefficientLayout
  private let components: [(transform: KernelTable.InverseDCT, side: Int, blocksPerRow: Int)]
  private let quantization: AlignedBuffer<Int16>
  private let coefficients: AlignedBuffer<Int16>
  /// Whether a slot has coefficients; else its samples are in the rings already.
  private let isCoded: AlignedBuffer<Bool>

  init(_ scan: borrowing cic_jpeg_scan, kernels: KernelTable, slots: Int) {
    let scan = copy scan
    self.slots = slots
    layout = CoefficientLayout(scan)
    quantization = AlignedBuffer(count: layout.components.count * 64, zeroed: false)
    var components: [(transform: KernelTable.InverseDCT, side: Int, blocksPerRow: Int)] = unsafe []
    for index in layout.components.indices {
      let component = unsafe scan.component(index)
      for k in 0..<64 { unsafe quantization.base[index * 64 + k] = Int16(component.quantization[k]) }
      let side = unsafe Int(component.block_side)
      unsafe components.append((kernels.inverseDCT(side: side), side, Int(component.blocks_per_row)))
    }
    unsafe self.components = components
    coefficients = AlignedBuffer(count: slots * layout.coefficientCount, zeroed: true)
    isCoded = AlignedBuffer(count: slots, zeroed: true)
  }

  func coefficients(_ strip: Int) -> UnsafeMutablePointer<Int16> {
    unsafe coefficients.base + strip % slots * layout.coefficientCount
  }

  func setIsCoded(_ strip: Int, _ value: Bool) { unsafe isCoded.base[strip % slots] = value }

  func finishStrip(_ index: Int, in rings: [RowRing]) {
    guard unsafe isCoded.base[index % slots] else { return }
    for (number, ring) in rings.enumerated() {
      let place = layout.components[number]
      let component = unsafe components[number]
      for row in 0..<place.blockRows {
        let start = place.start + row * place.rowStep
        let output = unsafe ring.row(index * ring.stripRows + row * component.side)
        unsafe component.transform(
          coefficients(index) + start, component.blocksPerRow,
          quantization.base + number * 64, output.assumingMemoryBound(to: UInt8.self), ring.stride)
      }
    }
  }
}
