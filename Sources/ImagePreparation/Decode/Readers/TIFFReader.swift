internal import CImageCodecs
internal import Ground

/// Reads the first page of a TIFF or BigTIFF (TIFF 6.0) through libtiff, which is opened when the first TIFF is read.
///
/// Rows are read when they are needed: for each plane, the coded bytes of one strip or tile, and one row of tiles, are in memory. A pipe is
/// read whole, because a TIFF may have its parts in any order.
final class TIFFReader: RowReader {
  static let format = ImageDescription.Format.tiff

  static func recognizes(_ head: [UInt8]) -> Bool {
    let signatures: [[UInt8]] = [
      [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0, 8, 0], [0x4D, 0x4D, 0, 43, 0, 8],
    ]
    // Most raw images of cameras are TIFF files, too.
    return signatures.contains { head.starts(with: $0) } && ForeignFormat(of: head) == nil
  }

  let description: ImageDescription
  private(set) var overlooked: OverlookedDamage?
  /// The file of a pipe.
  private let spool: Spool?
  private let decoder: TIFFDecoderHandle
  private let samples: TIFFSamples
  private let spooledBytes: Int
  /// A row of each plane.
  private var lines = AlignedBuffer<UInt8>(count: 0, zeroed: false)
  private var nextRow = 0

  private final class Spool {
    let bytes: ByteReader
    init(_ bytes: consuming ByteReader) { self.bytes = bytes }
  }

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    guard LibraryVersions.libtiff != nil else { throw .refused(Self.missingLibrary) }
    try bytes.checkCanceled()
    let file: TIFFFile
    if bytes.end == nil {
      let stored = try bytes.bytesThere(limits.maxMemory)
      try limits.allow(codedBytes: stored.count + 1, of: .tiff)
      let spool = Spool(try bytes.memory(stored))
      file = try TIFFFile(spool.bytes, limits: limits, keepsDamaged: keepsDamaged)
      decoder = try TIFFDecoderHandle(spool.bytes, limits: limits, keepsDamaged: keepsDamaged)
      (self.spool, spooledBytes) = (spool, stored.count)
    } else {
      file = try TIFFFile(bytes, limits: limits, keepsDamaged: keepsDamaged)
      decoder = try TIFFDecoderHandle(bytes, limits: limits, keepsDamaged: keepsDamaged)
      (spool, spooledBytes) = (nil, 0)
    }
    let header = decoder.header
    let size = ImageSize(width: Int(header.width), height: Int(header.height))
    try limits.allow(size)
    samples = try TIFFSamples(header, colors: file.colors)

    var description = ImageDescription(
      format: .tiff, storedSize: size, bitDepth: samples.bits, colorModel: samples.colorModel)
    description.hasAlpha = samples.alpha != nil
    if samples.colorModel == .ycbcr {
      let names = [[1, 1]: "4:4:4", [2, 1]: "4:2:2", [2, 2]: "4:2:0", [4, 1]: "4:1:1"]
      description.subsampling = names[file.subsampling] ?? "other"
    }
    if samples.leftOut > 0 {
      description.notes.append(
        samples.leftOut == 1
          ? "a channel besides the colors was left out" : "\(samples.leftOut) channels besides the colors were left out"
      )
    }
    if samples.isFloat {
      description.notes.append("the floating-point samples were taken as 0 to 1, and those outside clamped")
    }
    file.describe(&description)
    self.description = description
    noteWarning(row: nil)
  }

  private static let missingLibrary = PreparationError(
    .unsupportedFormat, stage: .open, "it is TIFF, which needs libtiff, and that is not installed",
    remedy: "install it, for example: apt-get install libtiff6")

  var wholeImageBytes: Int {
    let header = decoder.header
    let files = header.tile_bytes == 0 ? samples.planes : 1
    // libjpeg keeps all coefficients of a progressive JPEG in memory, of two bytes each.
    let coefficients = header.compression == 7 ? files * 2 * (header.has_planes ? 1 : Int(header.samples)) : 0
    let parts = [
      (header.block_pixels, coefficients),
      (header.coded_bytes, files), (header.row_bytes, samples.planes),
      (header.tile_bytes, samples.planes * Int(header.tiles_across)),
    ]
    // The sum is limited, so that the plan can add to it without overflow.
    return parts.reduce(spooledBytes) { sum, part in
      let (product, overflow) = part.0.multipliedReportingOverflow(by: UInt64(part.1))
      return overflow ? 1 << 60 : min(1 << 60, sum + Int(min(product, 1 << 59)))
    }
  }

  func start(_ bytes: inout ByteReader) throws(ReadFault) {
    try decoder.start(planes: samples.planes)
    if samples.isStoredAsDelivered { return }
    lines = AlignedBuffer(count: samples.planes * samples.lineBytes, zeroed: true)
  }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    try bytes.checkCanceled()
    let y = nextRow
    nextRow += 1
    if samples.isStoredAsDelivered {
      try unsafe decoder.read(row: y, plane: 0, into: row)
    } else {
      for plane in 0..<samples.planes {
        try unsafe decoder.read(row: y, plane: plane, into: lines.base + plane * samples.lineBytes)
      }
      unsafe samples.convert(lines.base, into: row)
    }
    noteWarning(row: y)
  }

  private func noteWarning(row: Int?) {
    guard let warning = decoder.warning else { return }
    if overlooked == nil { overlooked = OverlookedDamage(message: warning.message) }
    if warning.isDamage, overlooked?.row == nil { overlooked?.row = row }
  }
}

/// Owns a decoder of libtiff whose header is read.
@safe
final class TIFFDecoderHandle {
  let header: cic_tiff_header
  private let pointer: OpaquePointer

  /// Opens a TIFF. The source must outlive the use of the decoder.
  init(_ bytes: borrowing ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    guard let made = unsafe cic_tiff_decoder_create(bytes.codecSource, limits.maxMemory, keepsDamaged) else {
      throw .outOfMemory
    }
    var header = cic_tiff_header()
    let status = unsafe cic_tiff_read_header(made, &header)
    self.header = header
    unsafe pointer = made
    try check(status)
  }

  deinit { unsafe cic_tiff_decoder_destroy(pointer) }

  func start(planes: Int) throws(ReadFault) { try check(unsafe cic_tiff_start(pointer, UInt32(planes))) }

  func read(row: Int, plane: Int, into line: UnsafeMutablePointer<UInt8>) throws(ReadFault) {
    try check(unsafe cic_tiff_read_row(pointer, UInt32(row), UInt32(plane), line))
  }

  /// libtiff's first warning; nil for none.
  var warning: (message: String, isDamage: Bool)? {
    let text = unsafe cic_tiff_warning(pointer)
    guard unsafe text.pointee != 0 else { return nil }
    return unsafe (String(cString: text), cic_tiff_is_damaged(pointer))
  }

  private func check(_ status: cic_status) throws(ReadFault) {
    guard status != .CIC_OK else { return }
    let text = unsafe String(cString: cic_tiff_message(pointer))
    let message = text.isEmpty ? "libtiff cannot read it" : text
    switch status {
    case .CIC_TRUNCATED: throw .truncated
    case .CIC_CANCELED: throw .canceled
    case .CIC_OUT_OF_MEMORY: throw .outOfMemory
    case .CIC_UNSUPPORTED: throw .unsupported(message)
    case .CIC_READ_FAILED: throw .unreadable(unsafe cic_tiff_system_error(pointer))
    case .CIC_MEMORY_LIMIT:
      throw .refused(
        PreparationError(
          .tooMuchMemory, stage: .decode, "decoding this TIFF takes more memory at once than is allowed",
          remedy: .raise(.memory)))
    default: throw .corrupt(message)
    }
  }
}
