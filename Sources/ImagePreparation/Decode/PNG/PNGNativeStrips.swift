internal import CImageCodecs
internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Decodes the rows of a PNG that is not interlaced, without libpng: reading a strip inflates it, and the deferred part unfilters it.
///
/// The coded rows of a strip are first stored without gaps at the end of the strip's memory in the ring. They are unfiltered there, and
/// then moved or expanded to the beginnings of their rows. Coded rows are shorter than rows of the ring, so that no row is overwritten
/// before it is read.
final class PNGNativeStrips: StripDecoder, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  let planes: [StripPlane]
  let stripCount: Int
  private let strips: PNGUnfilter
  private var decoder: PNGDecoder

  /// Starts `decoder`, whose headers are read, for an image that is not interlaced.
  init(_ decoder: consuming PNGDecoder, kernels: KernelTable) throws(PreparationError) {
    let plane = StripPlane(
      layout: decoder.layout, height: decoder.description.storedSize.height, stripRows: RowStrip.rows,
      rowBytes: decoder.layout.rowBytes)
    planes = [plane]
    stripCount = (plane.height + RowStrip.rows - 1) / RowStrip.rows
    strips = PNGUnfilter(
      plane: plane, bitDepth: decoder.description.bitDepth, coding: try decoder.startStrips(kernels: kernels),
      kernels: kernels)
    self.decoder = decoder
  }

  var damage: DecodingDamage { decoder.damage }
  var deferred: (any DeferredDecoding)? { strips }

  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError) {
    let coded = unsafe strips.codedRows(ofStrip: index, in: rings[0])
    let rows = strips.plane.rows(inStrip: index)
    let written = try unsafe decoder.readStrip(into: coded, rows: rows)
    for row in written..<rows { unsafe coded[row * strips.codedBytes] = PNGUnfilter.isFilled }
  }

  func finish() throws(PreparationError) { try decoder.finish() }

  func check() throws(PreparationError) { try decoder.checkData(adler: strips.adler) }
}

/// Unfilters the coded rows of strips and expands them.
@safe
private final class PNGUnfilter: DeferredDecoding, @unchecked Sendable {
  // Unchecked: only a thread that completes a strip uses `above` and `adler`, and only one thread does so at a time. All other properties
  // are constant.

  /// The filter byte of a row that could not be decoded.
  static let isFilled: UInt8 = 0xFF
  /// The number of bytes after the coded rows of a strip that kernels may read.
  private static let slack = 8

  let plane: StripPlane
  /// Bytes of a coded row, including its filter byte.
  let codedBytes: Int
  private let expansion: PNGRowExpansion
  private let kernels: KernelTable
  /// The last row of the previous strip, unfiltered and not expanded.
  private let above: AlignedBuffer<UInt8>
  /// Adler-32 of the coded rows so far.
  private(set) var adler: UInt32 = 1

  init(plane: StripPlane, bitDepth: Int, coding: cic_png_coding, kernels: KernelTable) {
    self.plane = plane
    expansion = PNGRowExpansion(
      coding: coding, bitDepth: bitDepth, channelCount: plane.layout.channelCount, kernels: kernels)
    self.kernels = kernels
    codedBytes = coding.filtered_bytes + 1
    above = AlignedBuffer(count: coding.filtered_bytes + Self.slack, zeroed: true)
  }

  /// The coded rows of a strip, at the end of the strip's place in the ring.
  func codedRows(ofStrip index: Int, in ring: RowRing) -> UnsafeMutablePointer<UInt8> {
    let rows = plane.rows(inStrip: index)
    let end = unsafe ring.row(index * plane.stripRows) + rows * ring.stride
    return unsafe (end - rows * codedBytes - Self.slack).assumingMemoryBound(to: UInt8.self)
  }

  func finishStrip(_ index: Int, in rings: [RowRing]) -> Bool {
    let ring = rings[0]
    let coded = unsafe codedRows(ofStrip: index, in: ring)
    let rows = plane.rows(inStrip: index)
    var intact = 0
    while intact < rows, unsafe coded[intact * codedBytes] != Self.isFilled { intact += 1 }
    adler = unsafe cic_adler32(adler, coded, intact * codedBytes)
    unsafe kernels.decoding.unfilter_rows(coded, intact, above.base, Int(expansion.coding.pixel_bytes), codedBytes - 1)
    if intact > 0 { unsafe above.base.update(from: coded + (intact - 1) * codedBytes + 1, count: codedBytes - 1) }
    for row in 0..<rows {
      let output = unsafe ring.row(index * plane.stripRows + row).assumingMemoryBound(to: UInt8.self)
      if row < intact {
        unsafe expansion.expand(UnsafePointer(coded + row * codedBytes + 1), width: plane.layout.width, to: output)
      } else {
        unsafe plane.layout.fillGray(output, stride: ring.stride, rows: 0..<1)
      }
    }
    return true
  }
}

extension StripPlane {
  /// The rows of strip `index`: fewer in the last strip.
  fileprivate func rows(inStrip index: Int) -> Int { rows(inStrips: index + 1) - rows(inStrips: index) }
}
