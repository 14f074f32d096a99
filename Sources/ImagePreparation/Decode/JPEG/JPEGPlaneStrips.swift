internal import Ground

/// The planes of a JPEG, strip by strip.
///
/// A flawless file with Huffman coding is decoded without libjpeg-turbo: reading a strip gives coefficients, and the deferred part
/// turns them into samples, so that two threads share the work. Every other file, and a file that turns out to be damaged, is read by
/// libjpeg-turbo from the first scan's first byte on.
final class JPEGPlaneStrips: StripDecoder, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  let planes: [StripPlane]
  let stripCount: Int
  private var reader: JPEGPlaneReader
  /// The package's own decoder; nil when libjpeg-turbo reads.
  private var entropy: EntropyDecoder?
  private let strips: InverseTransform?

  /// Makes strips of a reader's planes. `ahead` strips are read before the first of them is consumed. With `decodesEntropy` false,
  /// libjpeg-turbo decodes everything.
  init(_ reader: consuming JPEGPlaneReader, kernels: KernelTable, ahead: Int, decodesEntropy: Bool = true) {
    planes = reader.stripPlanes
    stripCount = reader.stripCount
    if decodesEntropy, let decoder = unsafe EntropyDecoder(reader.handle, kernels: kernels, maxScans: reader.maxScans) {
      strips = InverseTransform(decoder.frame, kernels: kernels, slots: ahead)
      entropy = consume decoder
    } else {
      strips = nil
      entropy = nil
    }
    self.reader = reader
  }

  var damage: DecodingDamage { reader.damage }
  /// False when libjpeg-turbo reads, from the beginning or after damage.
  var decodesEntropy: Bool { entropy != nil }
  /// The number of reads of the source by the package's own decoder; nil when libjpeg-turbo reads.
  var readCount: Int? { entropy?.readCount }
  var deferred: (any DeferredDecoding)? { strips }
  var stripsInFlight: Int { strips?.slots ?? .max }

  /// The planes of a file, and the memory that decoding it without libjpeg-turbo takes for coefficients and scans.
  static func structure(
    of source: ImageDescription, samplingFactors factors: [(horizontal: Int, vertical: Int)], wholeImageBytes: Int
  ) -> PlaneStructure {
    let mcuWidth = 8 * (factors.map(\.horizontal).max() ?? 1)
    let blocksPerMCU = factors.reduce(0) { $0 + $1.horizontal * $1.vertical }
    let mcusPerRow = (source.storedSize.width + mcuWidth - 1) / mcuWidth
    let blocks = mcusPerRow * blocksPerMCU
    let hasSeveralScans = wholeImageBytes > 0
    let scanBytes =
      hasSeveralScans ? blocks * MemoryLayout<UInt64>.size + JPEGScan.mostScans * ScanDecoder.mostBytes : 0
    return PlaneStructure(
      samplingFactors: factors, range: .full, wholeImageBytes: wholeImageBytes + scanBytes,
      bytesPerStrip: blocks * 64 * MemoryLayout<Int16>.size, isForResizeOnly: false,
      independentStrips: hasSeveralScans
        ? nil
        : IntervalDecoder.independentStrips(
          interval: source.restartInterval, size: source.storedSize, samplingFactors: factors))
  }

  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError) {
    if let strips {
      if let isDecoded = unsafe entropy?.decodeStrip(strips.coefficients(index)), isDecoded {
        strips.setIsCoded(index, true)
        return
      }
      strips.setIsCoded(index, false)
      if entropy != nil { try returnScans(skipping: index) }
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
      try returnScans(skipping: stripCount)
    }
    try reader.finish()
  }

  /// Lets libjpeg-turbo continue from strip `count`.
  private func returnScans(skipping count: Int) throws(PreparationError) {
    entropy = nil
    // One buffer for all planes, because these rows are discarded.
    let bytes = planes.map { $0.stripRows * $0.rowBytes }
    let scratch = AlignedBuffer<UInt8>(count: bytes.max() ?? 0, zeroed: false)
    defer { extendLifetime(scratch) }
    let bases = unsafe planes.map { _ in unsafe Optional(scratch.base) }
    for _ in 0..<count { _ = try unsafe reader.readStrip(into: bases, strides: planes.map(\.rowBytes)) }
  }
}

/// Turns the coefficients of strips into samples.
@safe
private final class InverseTransform: DeferredDecoding, @unchecked Sendable {
  // Unchecked: `StripQueue` ensures that a slot is written only when the other side has consumed it.

  let slots: Int
  private let layout: CoefficientLayout
  private let mcusPerRow: Int
  private let transform: BlockTransform
  private let coefficients: AlignedBuffer<Int16>
  /// True for a slot with coefficients; otherwise the strip's samples are already in the rings.
  private let isCoded: AlignedBuffer<Bool>

  init(_ frame: JPEGFrame, kernels: KernelTable, slots: Int) {
    self.slots = slots
    layout = CoefficientLayout(frame)
    mcusPerRow = frame.mcusPerRow
    transform = BlockTransform(frame, kernels: kernels)
    coefficients = AlignedBuffer(count: slots * layout.coefficientCount, zeroed: true)
    isCoded = AlignedBuffer(count: slots, zeroed: true)
  }

  func coefficients(_ strip: Int) -> UnsafeMutablePointer<Int16> {
    unsafe coefficients.base + strip % slots * layout.coefficientCount
  }

  func setIsCoded(_ strip: Int, _ value: Bool) { unsafe isCoded.base[strip % slots] = value }

  func finishStrip(_ index: Int, in rings: [RowRing]) -> Bool {
    if unsafe isCoded.base[index % slots] {
      unsafe transform.transform(coefficients(index), layout, mcus: 0..<mcusPerRow, ofStrip: index, into: rings)
    }
    return true
  }
}

extension JPEGPlaneReader {
  /// The rows of its planes.
  var stripPlanes: [StripPlane] {
    planes.map { plane in
      StripPlane(
        layout: RowLayout(channels: .gray, bitDepth: 8, width: plane.size.width), height: plane.size.height,
        stripRows: plane.rowsPerStrip, rowBytes: plane.paddedWidth)
    }
  }
}
