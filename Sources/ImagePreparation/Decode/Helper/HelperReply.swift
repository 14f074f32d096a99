internal import CImageCodecs

/// A checked reply of a helper process. A hostile file may have taken that process over, so every number of the reply is checked.
struct HelperReply: Sendable {
  /// The size of the upright picture.
  let size: ImageSize
  /// Bits of a sample as stored, 8 to 16.
  let bits: Int
  let hasAlpha: Bool
  let hasGainMap: Bool
  let hasOtherImages: Bool
  let isRGB: Bool
  /// True if metadata were left out because they are larger than the limit.
  let isCut: Bool
  /// The color space of samples without a profile; nil if the file has none.
  let codePoints: PNGColor.CodePoints?
  let profile: [UInt8]
  /// A TIFF structure.
  let exif: [UInt8]
  let xmp: [UInt8]
  /// A message, of printable ASCII.
  let text: String

  /// Receives a reply and its parts.
  ///
  /// - Parameters:
  ///   - isDescription: True for the reply that has a size.
  ///   - limits: The limits of the parts. They were part of the request, so a reply above them is contradictory.
  ///   - receive: Returns the next bytes, exactly as many as asked for.
  /// - Throws: `refused` for a status that is not `GD_OK`, `contradictory` for a reply that no helper of this version makes, and
  ///   the errors of `receive`.
  init(isDescription: Bool, limits: Limits, receive: (Int) throws(HelperFault) -> [UInt8]) throws(HelperFault) {
    let head = try receive(MemoryLayout<gd_reply>.size)
    let reply = unsafe head.withUnsafeBytes { unsafe $0.loadUnaligned(as: gd_reply.self) }
    guard reply.magic == GD_MAGIC, reply.version == GD_VERSION else {
      throw .contradictory("it is of another version")
    }
    let (exifBytes, xmpBytes) = (Int(reply.exif_bytes), Int(reply.xmp_bytes))
    guard reply.profile_bytes <= limits.maxProfileBytes, exifBytes + xmpBytes <= limits.maxMetadataBytes,
      reply.text_bytes <= GD_MAX_TEXT
    else { throw .contradictory("it sends more than it was asked for") }
    profile = try receive(Int(reply.profile_bytes))
    exif = try receive(exifBytes)
    xmp = try receive(xmpBytes)
    text = String(
      decoding: try receive(Int(reply.text_bytes)).map { (32..<127).contains($0) ? $0 : UInt8(ascii: "?") },
      as: UTF8.self)
    if reply.status != GD_OK {
      guard let refusal = Refusal(rawValue: reply.status) else { throw .contradictory("its status is unknown") }
      throw .refused(refusal, text)
    }
    func has(_ flag: some BinaryInteger) -> Bool { reply.flags & UInt32(flag) != 0 }
    size = ImageSize(width: Int(reply.width), height: Int(reply.height))
    bits = Int(reply.bits)
    guard !isDescription || (size.width > 0 && size.height > 0 && (8...16).contains(bits)) else {
      throw .contradictory("it names no size")
    }
    hasAlpha = has(GD_HAS_ALPHA)
    hasGainMap = has(GD_HAS_GAIN_MAP)
    hasOtherImages = has(GD_HAS_OTHER_IMAGES)
    isRGB = has(GD_IS_RGB)
    isCut = has(GD_METADATA_LEFT_OUT)
    // The rows are RGB of the full range, whatever the file's matrix and range are. The code point 2 means "unspecified".
    codePoints =
      has(GD_HAS_CODE_POINTS) && reply.primaries != 2 && reply.transfer != 2
      ? .init(
        primaries: Int(reply.primaries), transfer: Int(reply.transfer), matrix: 0, isFullRange: true)
      : nil
  }

  /// The reason why a helper process refused a request.
  enum Refusal: UInt32, Sendable {
    case truncated = 1
    case corrupt = 2
    case unsupported = 3
    case noDecoder = 4
    case outOfMemory = 5
    case profileTooLarge = 6
    case unprotected = 7
    case notBuilt = 8
  }
}

/// The reason why a helper process gave no usable reply.
enum HelperFault: Error, Equatable {
  /// No path of a helper is set, there is no file at it, or this system cannot isolate a helper.
  case notInstalled
  /// The system did not start the helper, for this reason.
  case notStarted(Int32)
  /// The helper ended, by this signal; 0 for none.
  case ended(signal: Int32)
  /// The helper did not reply in time.
  case late
  /// The flag was raised.
  case canceled
  /// The helper's reply breaks the protocol.
  case contradictory(String)
  /// The helper refused, with a text that may be empty.
  case refused(HelperReply.Refusal, String)
}
