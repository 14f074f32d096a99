/// Reads HEIC or AVIF in a helper process, `gesso-decode`. Only this program uses libheif, and it may do nothing but decode.
///
/// The process gets a copy of the file, and writes the rows into shared memory. They are read after the process has ended. The picture is
/// upright: the turns that the file declares (`irot`, `imir`) are applied. The orientation in EXIF is not applied, because it repeats these
/// turns or is wrong (ISO/IEC 23008-12, A.2.1).
final class HelperReader<Kind: HelperKind>: RowReader {
  static var format: ImageDescription.Format { Kind.format }
  static func recognizes(_ head: [UInt8]) -> Bool { MediaBrand.format(of: head) == format }

  let description: ImageDescription
  let wholeImageBytes: Int
  private(set) var overlooked: OverlookedDamage?
  private let faults: HelperFaults
  private let rowBytes: Int
  private let helperBytes: Int
  private var process: HelperProcess?
  private var pixels: SharedPixels?
  private var nextRow = 0

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    let faults = HelperFaults(Kind.self, limits)
    self.faults = faults
    guard limits.decodeHelper != nil else { throw faults.readFault(.notInstalled) }
    guard let file = SharedMemory() else { throw .outOfMemory }
    let fileBytes = try file.fill(from: &bytes) { count throws(ReadFault) in
      try limits.allow(codedBytes: count, of: Self.format)
    }
    let reply: HelperReply
    do throws(HelperFault) {
      let process = try HelperProcess(limits: limits, file: file, cancellation: bytes.cancellation)
      reply = try process.describe(fileBytes: fileBytes)
      self.process = process
    } catch {
      throw faults.readFault(error)
    }
    try limits.allow(reply.size)

    var description = ImageDescription(
      format: Self.format, storedSize: reply.size, bitDepth: reply.bits > 8 ? 16 : 8,
      colorModel: reply.isRGB ? .rgb : .ycbcr)
    description.hasAlpha = reply.hasAlpha
    if !reply.profile.isEmpty {
      description.setICCProfile(reply.profile)
    } else if let points = reply.codePoints {
      description.pngColor = PNGColor(codePoints: points)
    }
    description.setMetadata(
      exif: reply.exif.isEmpty ? [] : [reply.exif], xmp: reply.xmp.isEmpty ? [] : [reply.xmp], turns: false)
    description.hasXMP = !reply.xmp.isEmpty
    description.hasGainMap = description.hasGainMap || reply.hasGainMap
    description.setLocation(
      LocationReader(
        exif: reply.exif.isEmpty ? nil : reply.exif, xmp: reply.xmp.isEmpty ? nil : reply.xmp, isCut: reply.isCut))
    if reply.hasOtherImages { description.notes.append("the file has several pictures, and the primary one was taken") }
    self.description = description
    rowBytes = reply.size.width * (reply.hasAlpha ? 4 : 3) * (reply.bits > 8 ? 2 : 1)
    helperBytes = Self.helperBytes(reply)
    wholeImageBytes = fileBytes + helperBytes
  }

  /// The bytes that the helper process may allocate for a picture and its rows; the system gives it no more.
  ///
  /// The codec holds the channels, libheif holds them twice while it converts them to RGB, and shared memory holds one more copy.
  /// Pictures of 12 megapixels took 8 to 12 bytes for each pixel of 8 bits, and twice that above 8 bits; the rest is for tables and
  /// threads of the codecs.
  static func helperBytes(_ reply: HelperReply) -> Int {
    reply.size.pixelCount * (reply.hasAlpha ? 14 : 12) * (reply.bits > 8 ? 2 : 1) + (32 << 20)
  }

  func start(_ bytes: inout ByteReader) throws(ReadFault) {
    guard let process = process.take() else { preconditionFailure("a file is decoded once") }
    do throws(HelperFault) {
      let pixels = try process.decode(memory: helperBytes, pixelBytes: rowBytes * description.storedSize.height)
      if !pixels.warning.isEmpty { overlooked = OverlookedDamage(message: pixels.warning) }
      self.pixels = pixels
    } catch {
      throw faults.pixelFault(error)
    }
  }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    try bytes.checkCanceled()
    unsafe pixels!.copy(nextRow * rowBytes..<(nextRow + 1) * rowBytes, to: row)
    nextRow += 1
  }
}
