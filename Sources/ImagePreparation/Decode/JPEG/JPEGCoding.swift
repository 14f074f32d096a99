internal import CImageCodecs

/// The frame and the scans of a JPEG that is decoded without libjpeg-turbo.
struct JPEGCoding {
  let frame: JPEGFrame
  let scans: [JPEGScan]
  /// The bytes of the scans.
  let source: ScanSource

  /// Takes over the scans of `handle`, a decoder that was configured for planes and must outlive this value. Nil if libjpeg-turbo has to
  /// decode the scans.
  init?(_ handle: OpaquePointer, kernels: KernelTable, maxScans: Int) {
    var coding = cic_jpeg_coding()
    guard unsafe cic_jpeg_take_coding(handle, &coding) else { return nil }
    let frame = JPEGFrame(coding)
    var codes: [UInt8: HuffmanCode] = [:]
    for key in [0, 1, 2, 3, 0x10, 0x11, 0x12, 0x13] as [UInt8] {
      var counts: UnsafePointer<UInt8>?
      var symbols: UnsafePointer<UInt8>?
      guard unsafe cic_jpeg_huffman_table(handle, key, &counts, &symbols) else { continue }
      codes[key] = unsafe HuffmanCode(
        counts: Array(UnsafeBufferPointer(start: counts, count: 17)),
        symbols: Array(UnsafeBufferPointer(start: symbols, count: 256)))
    }
    let source = unsafe ScanSource(handle)
    guard
      let scans = JPEGScan.all(
        of: coding, frame: frame, codes: codes, source: source, kernels: kernels, limit: maxScans)
    else { return nil }
    self.frame = frame
    self.scans = scans
    self.source = source
  }
}
