internal import CImageCodecs
internal import Ground

/// Reads a WebP (RFC 9649) through libwebp, which is opened when the first WebP is read. Of an animation, it reads the first frame, on the
/// canvas, which is transparent around a smaller frame.
///
/// The file is read whole, because metadata follow the pixels. libwebp gets only the bitstream of the frame, in steps of a few rows. It
/// decodes into one buffer of the frame's pixels, or of its planes if the frame is lossy, opaque and covers the whole canvas.
final class WebPReader: RowReader {
  static let format = ImageDescription.Format.webp

  static func recognizes(_ head: [UInt8]) -> Bool {
    head.starts(with: "RIFF".utf8) && head.dropFirst(8).starts(with: "WEBP".utf8)
  }

  let description: ImageDescription
  private let frame: WebPFrame
  private let channels: Int
  private let canvas: ImageSize
  let overlooked: OverlookedDamage?
  private var decoder: WebPDecoderHandle?
  private var feed: WebPFeed
  private var rowsDone = 0
  /// The failure that ended decoding early; the rows before it are valid.
  private var fault: ReadFault?
  private var nextRow = 0

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    guard LibraryVersions.libwebp != nil else { throw .refused(Self.missingLibrary) }
    let file = try WebPFile(&bytes, limits: limits)
    // The orientation is in metadata after the pixels, so it may be missing.
    guard !file.isShort || keepsDamaged else { throw .truncated }
    overlooked = file.isShort ? OverlookedDamage(message: "the file ends behind the first frame") : nil
    frame = file.frame
    feed = WebPFeed(byteCount: file.frame.stream.count, height: file.frame.rect.size.height)
    canvas = file.canvas
    let isCovered = frame.rect.size == file.canvas
    let hasAlpha = frame.hasAlpha || !isCovered
    channels = hasAlpha ? 4 : 3
    var description = ImageDescription(
      format: .webp, storedSize: file.canvas, bitDepth: 8, colorModel: frame.isLossless ? .rgb : .ycbcr)
    description.subsampling = frame.isLossless ? nil : "4:2:0"
    description.hasAlpha = hasAlpha
    description.isAnimated = file.isAnimated
    if let profile = file.profile { description.setICCProfile(profile) }
    description.setMetadata(exif: file.exif.map { [$0] } ?? [], xmp: file.xmp.map { [$0] } ?? [])
    (description.hasEXIF, description.hasXMP) = (file.hasEXIF, file.hasXMP)
    description.setLocation(LocationReader(exif: file.exif, xmp: file.xmp, isCut: file.isCut))
    self.description = description
  }

  private static let missingLibrary = PreparationError(
    .unsupportedFormat, stage: .open, "it is WebP, which needs libwebp, and that is not installed",
    remedy: "install it, for example: apt-get install libwebp7")

  /// The pixels of the frame, its coded bytes, and further memory of libwebp: once more the pixels of a lossless bitstream, in four bytes
  /// each, or in one byte each for an alpha channel, and Huffman codes.
  ///
  /// A lossless bitstream (RFC 9649, 6.2) has a group of five codes for each block of 4 by 4 pixels at most, of at least 20 bits, and
  /// no more than 65,536. A group takes about 6 KB, nearly all of it in tables of 256 entries.
  var wholeImageBytes: Int {
    let size = frame.rect.size
    let codedBytes = size.pixelCount * channels + frame.stream.count
    guard frame.losslessBytes > 0 else { return codedBytes }
    let groups = min(65_536, (size.width + 3) / 4 * ((size.height + 3) / 4), frame.losslessBytes * 8 / 20)
    return codedBytes + size.pixelCount * (frame.isLossless ? 4 : 5) + groups * 6_144
  }

  var planes: PlaneStructure? {
    guard !frame.isLossless, channels == 3 else { return nil }
    return PlaneStructure(
      samplingFactors: [(2, 2), (1, 1), (1, 1)], range: .limited,
      wholeImageBytes: WebPDecoderHandle.byteCount(canvas, .CIC_WEBP_OUT_PLANES) + frame.stream.count, bytesPerStrip: 0,
      isForResizeOnly: true)
  }

  func start(_ bytes: inout ByteReader) throws(ReadFault) {
    decoder = try WebPDecoderHandle(
      size: frame.rect.size, output: channels == 4 ? .CIC_WEBP_OUT_RGBA : .CIC_WEBP_OUT_RGB)
  }

  func startPlanes() throws(ReadFault) { decoder = try WebPDecoderHandle(size: canvas, output: .CIC_WEBP_OUT_PLANES) }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    let y = nextRow
    nextRow += 1
    if channels == 4, frame.rect.size != canvas { unsafe row.update(repeating: 0, count: canvas.width * channels) }
    guard let decoder, frame.rect.rows.contains(y) else { return }
    let line = y - frame.rect.y
    while rowsDone <= line {
      try bytes.checkCanceled()
      if let fault { throw fault }
      (rowsDone, fault) = decoder.decode(frame.stream, count: feed.next(rowsDone: rowsDone))
      if feed.isWhole { fault = fault ?? .truncated }
    }
    let source = unsafe decoder.row(line, plane: 0)
    unsafe (row + frame.rect.x * channels).update(from: source.baseAddress!, count: source.count)
  }

  func copyChromaRow(_ y: Int, plane: Int, into row: UnsafeMutablePointer<UInt8>) {
    guard let source = unsafe decoder?.row(y, plane: plane) else { preconditionFailure("decoding has not started") }
    unsafe row.update(from: source.baseAddress!, count: source.count)
  }
}

/// The steps in which libwebp gets a bitstream.
struct WebPFeed {
  let byteCount: Int
  /// The bytes of about 16 rows, so that a canceled decode ends soon.
  private let step: Int
  private var fed = 0

  init(byteCount: Int, height: Int) {
    self.byteCount = byteCount
    step = max(4096, byteCount / height * 16)
  }

  /// True when libwebp has all bytes.
  var isWhole: Bool { fed == byteCount }

  /// The number of bytes, from the first one on, that libwebp gets next.
  ///
  /// Before the first row, the number doubles with each step, because libwebp parses the headers again until they are whole, and a lossless
  /// bitstream may consist of little more than headers.
  mutating func next(rowsDone: Int) -> Int {
    fed = min(fed + (rowsDone == 0 ? max(fed, step) : step), byteCount)
    return fed
  }
}

/// A frame, and the file with which libwebp decodes it.
struct WebPFrame {
  let rect: FrameRect
  let isLossless: Bool
  let hasAlpha: Bool
  /// Coded bytes of a lossless bitstream: of the frame, or of the alpha channel of a lossy one; 0 for none.
  let losslessBytes: Int
  /// A file of this frame alone. If the source ends early, this file has fewer bytes than it declares.
  let stream: [UInt8]
}

/// Owns a decoder of libwebp and the pixels that it writes.
@safe
final class WebPDecoderHandle {
  private let pixels: AlignedBuffer<UInt8>
  /// The first byte of each plane, or of the pixels, and the bytes of a row.
  private let planes: [(start: Int, rowBytes: Int)]
  private let pointer: OpaquePointer

  init(size: ImageSize, output: cic_webp_output) throws(ReadFault) {
    planes = Self.planes(size, output)
    pixels = AlignedBuffer(count: Self.byteCount(size, output), zeroed: false)
    guard let made = unsafe cic_webp_decoder_create(pixels.base, Int32(size.width), Int32(size.height), output) else {
      throw .outOfMemory
    }
    unsafe pointer = made
  }

  /// The bytes that a decoder writes.
  static func byteCount(_ size: ImageSize, _ output: cic_webp_output) -> Int {
    let last = planes(size, output).last!
    return last.start + last.rowBytes * (output == .CIC_WEBP_OUT_PLANES ? (size.height + 1) / 2 : size.height)
  }

  private static func planes(_ size: ImageSize, _ output: cic_webp_output) -> [(start: Int, rowBytes: Int)] {
    switch output {
    case .CIC_WEBP_OUT_PLANES:
      let half = ImageSize(width: (size.width + 1) / 2, height: (size.height + 1) / 2)
      let blue = size.pixelCount
      return [(0, size.width), (blue, half.width), (blue + half.pixelCount, half.width)]
    case .CIC_WEBP_OUT_RGBA: return [(0, size.width * 4)]
    case .CIC_WEBP_OUT_RGB: return [(0, size.width * 3)]
    }
  }

  /// A row of a plane, or of the pixels, which is valid as long as the decoder.
  func row(_ y: Int, plane: Int) -> UnsafeBufferPointer<UInt8> {
    let (start, rowBytes) = planes[plane]
    return unsafe UnsafeBufferPointer(start: pixels.base + start + y * rowBytes, count: rowBytes)
  }

  deinit { unsafe cic_webp_decoder_destroy(pointer) }

  /// Decodes as many rows as the first `count` bytes allow; each call passes more of them.
  ///
  /// - Returns: The number of rows that are done, and the reason why there will be no more; nil for none.
  func decode(_ stream: [UInt8], count: Int) -> (rows: Int, fault: ReadFault?) {
    var rows = 0
    // libwebp keeps the address of the bytes, and compares it with the address of the next call. So the array must never be changed.
    let status = unsafe stream.withUnsafeBufferPointer {
      unsafe cic_webp_decode(pointer, $0.baseAddress!, count, &rows)
    }
    switch status {
    case .CIC_OK: return (rows, nil)
    case .CIC_OUT_OF_MEMORY: return (rows, .outOfMemory)
    case .CIC_UNSUPPORTED: return (rows, .unsupported("a feature that libwebp does not know"))
    default: return (rows, .corrupt("libwebp cannot decode the bitstream"))
    }
  }
}
