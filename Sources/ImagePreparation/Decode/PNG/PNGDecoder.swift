internal import CImageCodecs

/// Decodes a PNG a few rows at a time, through libpng.
///
/// The initializer reads the headers, and ``start()`` allocates the row buffers. Then rows come from top to bottom. The first
/// ``readRows(into:stride:count:)`` decodes the whole of an interlaced image.
///
/// Most images can also be inflated without libpng, after ``startStrips(kernels:)``. ``PNGNativeStrips`` reads the coded rows of an image
/// that is not interlaced with ``readStrip(into:rows:)`` (``canReadStrips``). ``PNGPasses`` reads those of an interlaced image with
/// ``readRow(into:count:row:)`` (``canReadPasses``).
struct PNGDecoder: RowDecoder, ~Copyable {
  let description: ImageDescription
  let layout: RowLayout
  /// The bytes of an interlaced image, which is decoded whole; 0 for images that can be decoded row by row.
  let wholeImageBytes: Int
  /// True for an image that is not interlaced and whose coded rows can be read without libpng, after ``startStrips(kernels:)``.
  let canReadStrips: Bool
  /// The same for an interlaced image, under a policy that overlooks no damage.
  let canReadPasses: Bool

  private let handle: PNGDecoderHandle
  private let failure: CodecFailure
  /// The image data, if strips are read.
  private var data: PNGImageData?
  /// Bytes of a coded row, including its filter byte.
  private var codedBytes = 0
  private var nextRow = 0
  private var firstFilledRow: Int?
  /// True when damage after the last row had to be overlooked.
  private var endIsDamaged = false

  /// Reads the headers: all chunks before the image data, and metadata among the last chunks of a source that can be searched.
  ///
  /// - Throws: A ``PreparationError`` of stage `decode`: `tooManyPixels`, `truncated`, `corrupt`, `warning`, `unreadable`,
  ///   `canceled`.
  init(
    _ source: consuming ByteSource, limits: Limits = Limits(), policy: DamagePolicy = .truncated
  ) throws(PreparationError) {
    var failure = CodecFailure(format: .png, policy: policy, limits: limits)
    let handle = try PNGDecoderHandle(source, limits: limits, policy: policy)
    var header = unsafe cic_png_header()
    let status = unsafe cic_png_read_header(handle.pointer, &header)
    let size = unsafe ImageSize(width: Int(header.width), height: Int(header.height))
    try limits.check(size)
    guard status == .CIC_OK else { throw failure.error(status, handle.report) }
    failure.rowCount = size.height
    self.failure = failure
    description = unsafe ImageDescription(header, size: size)
    layout = unsafe RowLayout(
      channels: RowLayout.Channels(rawValue: Int(header.channels))!, bitDepth: Int(header.sample_bits),
      width: size.width)
    // A header may claim 2^31 by 2^31 pixels of 8 bytes. The limit is half of the largest number, so that rows can be added without
    // overflow.
    let (bytes, overflow) = layout.rowBytes.multipliedReportingOverflow(by: size.height)
    wholeImageBytes = description.isProgressive ? min(overflow ? .max : bytes, .max / 2) : 0
    canReadStrips = unsafe header.idat_is_readable && !header.interlaced
    canReadPasses = unsafe header.idat_is_readable && header.interlaced && policy != .none
    self.handle = handle
  }

  /// The damage that was overlooked so far.
  var damage: DecodingDamage {
    let report = handle.report
    var damage = failure.damage(report, filledRow: firstFilledRow)
    if endIsDamaged {
      damage.warningCount += 1
      damage.firstWarning = damage.firstWarning ?? report.message
    }
    return damage
  }

  /// Allocates the memory for rows.
  ///
  /// - Throws: A ``PreparationError`` of stage `decode`; `tooMuchMemory` before any memory is allocated.
  mutating func start() throws(PreparationError) {
    try checkMemory()
    let status = unsafe cic_png_start(handle.pointer)
    guard status == .CIC_OK else { throw failure.error(status, handle.report) }
  }

  /// Checks the memory for rows: libpng needs three rows, strips need one.
  private func checkMemory() throws(PreparationError) {
    try failure.limits.check(
      bytes: wholeImageBytes + 3 * layout.rowBytes,
      of: description.isProgressive ? "decoding this interlaced PNG" : "decoding a row of this PNG",
      or: description.isProgressive ? "save it without interlacing first" : nil)
  }

  mutating func readRows(
    into base: UnsafeMutableRawPointer, stride: Int, count: Int
  ) throws(PreparationError) -> Int {
    let wanted = min(count, description.storedSize.height - nextRow)
    guard wanted > 0 else { return 0 }
    var written = 0
    if firstFilledRow == nil {
      let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
      let status = unsafe cic_png_read_rows(handle.pointer, bytes, stride, wanted, &written)
      if status != .CIC_OK {
        guard failure.isOverlooked(status) else { throw failure.error(status, handle.report) }
        firstFilledRow = nextRow + written
      }
    }
    unsafe layout.fillGray(base, stride: stride, rows: written..<wanted)
    nextRow += wanted
    return wanted
  }

  /// Allocates the memory for coded rows. It is called instead of ``start()``.
  ///
  /// - Throws: The errors of ``start()``.
  mutating func startStrips(kernels: KernelTable) throws(PreparationError) -> cic_png_coding {
    precondition(canReadStrips || canReadPasses, "libpng has to read this image")
    try checkMemory()
    var coding = cic_png_coding()
    let status = unsafe cic_png_start_idat(handle.pointer, &coding)
    guard status == .CIC_OK else { throw failure.error(status, handle.report) }
    codedBytes = coding.filtered_bytes + 1
    data = unsafe PNGImageData(handle.pointer, cancellation: handle.cancellation, kernels: kernels)
    return coding
  }

  /// Inflates the next coded rows, each with its filter byte and filtered bytes.
  ///
  /// - Parameters:
  ///   - base: A buffer of `rows` coded rows.
  ///   - rows: The number of rows, at most the number of rows that are left.
  /// - Returns: The number of rows before the first one that has to be filled.
  /// - Throws: A ``PreparationError`` of stage `decode`.
  mutating func readStrip(into base: UnsafeMutablePointer<UInt8>, rows: Int) throws(PreparationError) -> Int {
    var intact = 0
    if firstFilledRow == nil {
      var written = 0
      var status = unsafe data!.read(into: base, count: rows * codedBytes, written: &written)
      if status == .CIC_OK, written < rows * codedBytes { status = data!.recordShortData() }
      while intact < written / codedBytes, unsafe base[intact * codedBytes] <= Self.lastFilter { intact += 1 }
      if intact < written / codedBytes {
        status = unsafe cic_png_record_fault(handle.pointer, .CIC_PNG_DAMAGE, "bad adaptive filter value")
      }
      if status != .CIC_OK {
        guard failure.isOverlooked(status) else { throw error(status, atRow: nextRow + intact) }
        firstFilledRow = nextRow + intact
      }
    }
    nextRow += rows
    return intact
  }

  /// Inflates a coded row of a pass, with its filter byte, under a policy that overlooks no damage.
  ///
  /// - Parameters:
  ///   - base: A buffer of `count` bytes.
  ///   - count: The bytes of the row.
  ///   - row: The row of the image that it belongs to.
  /// - Throws: A ``PreparationError`` of stage `decode`.
  mutating func readRow(into base: UnsafeMutablePointer<UInt8>, count: Int, row: Int) throws(PreparationError) {
    var written = 0
    var status = unsafe data!.read(into: base, count: count, written: &written)
    if status == .CIC_OK, written < count { status = data!.recordShortData() }
    if status == .CIC_OK, unsafe base[0] > Self.lastFilter {
      status = unsafe cic_png_record_fault(handle.pointer, .CIC_PNG_DAMAGE, "bad adaptive filter value")
    }
    guard status == .CIC_OK else { throw error(status, atRow: row) }
  }

  mutating func finish() throws(PreparationError) {
    guard firstFilledRow == nil else { return }
    var status = data?.finish() ?? .CIC_OK
    if status == .CIC_OK { status = unsafe cic_png_finish(handle.pointer) }
    guard status != .CIC_OK else { return }
    guard failure.isOverlooked(status) else { throw error(status, atRow: description.storedSize.height) }
    endIsDamaged = true
  }

  /// Compares checksums if strips were read. To be called after ``finish()``.
  ///
  /// - Parameter adler: The Adler-32 of all coded rows.
  /// - Throws: A ``PreparationError`` of stage `decode`.
  func checkData(adler: UInt32) throws(PreparationError) {
    guard firstFilledRow == nil else { return }
    let status = data!.check(adler: adler)
    guard status == .CIC_OK else { throw error(status, atRow: description.storedSize.height) }
  }

  /// The highest row filter (PNG third edition, 9.2).
  private static let lastFilter = 4

  private func error(_ status: cic_status, atRow row: Int) -> PreparationError {
    var report = handle.report
    report.row = row
    return failure.error(status, report)
  }
}

/// Owns one C decoder and the source it reads.
@safe
struct PNGDecoderHandle: ~Copyable {
  let pointer: OpaquePointer
  private let source: ByteSource

  init(
    _ source: consuming ByteSource, limits: Limits, policy: DamagePolicy
  ) throws(PreparationError) {
    let codecLimits = cic_png_limits(
      policy: policy.codecPolicy, max_chunk_bytes: limits.maxChunkBytes, max_chunks: Int32(clamping: limits.maxChunks))
    let flag = unsafe source.cancellation?.pointer
    guard let pointer = unsafe cic_png_decoder_create(source.pointer, flag, codecLimits) else {
      throw .outOfMemory("the PNG decoder")
    }
    unsafe self.pointer = pointer
    self.source = source
  }

  deinit { unsafe cic_png_decoder_destroy(pointer) }

  var cancellation: CancellationFlag? { source.cancellation }
  var report: CodecReport { unsafe CodecReport(cic_png_decoder_report(pointer)) }
}

// A decoder has one owner and may move between threads.
extension PNGDecoderHandle: @unchecked Sendable {}

extension ImageDescription {
  fileprivate init(_ header: cic_png_header, size: ImageSize) {
    let colorModel: ColorModel =
      switch unsafe header.color_type {
      case 0, 4: .gray
      case 3: .palette
      default: .rgb
      }
    self.init(format: .png, storedSize: size, bitDepth: unsafe Int(header.bit_depth), colorModel: colorModel)
    unsafe setICCProfile(header.icc, header.icc_count)
    if let complaint = unsafe header.icc_complaint {
      notes.append("the embedded color profile was ignored (\(unsafe String(cString: complaint)))")
    }
    if let dropped = unsafe header.dropped_chunks.map({ unsafe String(cString: $0) }), !dropped.isEmpty {
      notes.append(DecodingDamage.note(dropped: dropped))
    }
    hasAlpha = unsafe header.has_transparency
    isProgressive = unsafe header.interlaced
    if let kept = unsafe header.chunks {
      chunks = PNGChunk.all(in: unsafe Array(UnsafeBufferPointer(start: kept, count: header.chunks_count)))
    }
    let first = unsafe header.exif.map { unsafe Array(UnsafeBufferPointer(start: $0, count: header.exif_count)) }
    let texts = chunks.compactMap(\.text)
    let (structures, packets) = PNGChunk.Text.metadata(in: texts)
    setMetadata(exif: (first.map { [$0] } ?? []) + structures, xmp: packets)
    hasXMP = unsafe header.has_xmp || !packets.isEmpty
    // A text that is too large to be kept still counts as text.
    hasText = unsafe header.has_text && (header.metadata_are_cut || texts.contains { !$0.isRewritten })
    setLocation(
      LocationReader(
        exif: first.map(EXIFReader.withoutPrefix), xmp: nil, chunks: chunks, isCut: unsafe header.metadata_are_cut))
    isAnimated = unsafe header.animated
    var color = PNGColor()
    if unsafe header.has_cicp {
      let (primaries, transfer, matrix, range) = unsafe header.cicp
      color.codePoints = PNGColor.CodePoints(
        primaries: Int(primaries), transfer: Int(transfer), matrix: Int(matrix), isFullRange: range == 1)
    }
    if unsafe header.srgb_intent >= 0 { color.srgbIntent = unsafe Int(header.srgb_intent) }
    if unsafe header.has_gamma { color.gamma = unsafe Double(header.gamma) / 100_000 }
    if unsafe header.has_chromaticities {
      let xy = unsafe header.chromaticities
      func point(_ x: Int32, _ y: Int32) -> PNGColor.Chromaticity { .init(Double(x) / 100_000, Double(y) / 100_000) }
      color.chromaticities = PNGColor.Chromaticities(
        white: point(xy.0, xy.1), red: point(xy.2, xy.3), green: point(xy.4, xy.5), blue: point(xy.6, xy.7))
    }
    pngColor = color
  }
}
