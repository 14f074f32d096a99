/// Removes metadata from a file without decoding its pixels. What describes the pixels and their colors stays, byte for byte: everything
/// else is left out, whatever it is, because it may name a person or a place.
struct MetadataStripper {
  /// The bytes that stay.
  private(set) var bytes: [UInt8] = []
  /// What was left out, in the order of the file, each kind once.
  private(set) var removed: [String] = []
  /// Written in place of the metadata; nil for nothing.
  private let exif: [UInt8]?
  private let keepsProfile: Bool

  /// Copies a file.
  ///
  /// - Parameters:
  ///   - file: A whole JPEG or PNG.
  ///   - format: Which of the two it is.
  ///   - source: The content of its headers.
  ///   - keepsLook: True to keep the color profile and the orientation, without which a viewer shows something else.
  /// - Throws: `truncated` of stage `open` for a file whose end cannot be found.
  init(_ file: [UInt8], as format: EncodedFormat, of source: ImageDescription, keepsLook: Bool) throws(PreparationError)
  {
    exif = keepsLook ? EssentialEXIF(orientation: source.orientation, color: source.exifColor).bytes : nil
    keepsProfile = keepsLook
    bytes.reserveCapacity(file.count)
    switch format {
    case .jpeg: try copyJPEG(file)
    case .png: try copyPNG(file)
    }
  }

  private mutating func leaveOut(_ name: String) {
    if !removed.contains(name) { removed.append(name) }
  }
}

// MARK: - JPEG (ITU-T T.81, annex B)

extension MetadataStripper {
  private mutating func copyJPEG(_ file: [UInt8]) throws(PreparationError) {
    bytes += file.prefix(2)
    var at = 2
    var isBeforeEXIF = exif != nil
    while true {
      // Fill bytes may precede a marker; other bytes between segments have no meaning, and decoders pass over them.
      guard let start = file[min(at, file.count)...].firstIndex(of: 0xFF) else { throw Self.cut(file.count) }
      if start != at { leaveOut("bytes between segments") }
      guard let end = file[start...].firstIndex(where: { $0 != 0xFF }) else { throw Self.cut(file.count) }
      let marker = file[end]
      at = end + 1
      if marker == 0 { continue }
      if isBeforeEXIF, marker != 0xE0 {
        writeEXIFSegment()
        isBeforeEXIF = false
      }
      if marker == 0xD9 {
        bytes += [0xFF, 0xD9]
        if at < file.count { leaveOut("what follows the image (\(file.count - at) bytes)") }
        return
      }
      if marker == 0x01 || (0xD0...0xD8).contains(marker) {
        bytes += [0xFF, marker]
        continue
      }
      guard at + 2 <= file.count else { throw Self.cut(file.count) }
      // libjpeg goes on behind the length of a segment whose length does not even cover itself.
      let length = max(2, Int(file[at]) << 8 | Int(file[at + 1]))
      guard at + length <= file.count else { throw Self.cut(file.count) }
      let content = file[at + 2..<at + length]
      if let kept = kept(marker, content) {
        bytes += [0xFF, marker, UInt8((kept.count + 2) >> 8), UInt8((kept.count + 2) & 0xFF)] + kept
      }
      at += length
      if marker == 0xDA { at = copyScan(file, from: at) }
    }
  }

  /// The content of a segment that stays; nil for one that does not.
  private mutating func kept(_ marker: UInt8, _ content: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    func begins(_ tag: String) -> Bool { content.starts(with: tag.utf8) }
    switch marker {
    case 0xE0 where begins("JFIF\0") && content.count >= 14:
      // A thumbnail may follow the density (T.871, 10.1).
      guard content.count > 14 || content.suffix(2) != [0, 0] else { return content }
      leaveOut("a thumbnail")
      return content.prefix(12) + [0, 0]
    case 0xE2 where begins("ICC_PROFILE\0"):
      if keepsProfile { return content }
      leaveOut("the color profile")
    case 0xEE where begins("Adobe"): return content
    case 0xE1 where begins("Exif\0"): leaveOut("EXIF")
    case 0xE1 where begins("http://ns.adobe.com/xap/1.0/") || begins("http://ns.adobe.com/xmp/"): leaveOut("XMP")
    case 0xED: leaveOut("IPTC")
    case 0xE2 where begins("MPF\0"): leaveOut("the index of further images")
    case 0xE0...0xEF: leaveOut("APP\(marker - 0xE0)")
    case 0xFE: leaveOut("a comment")
    default: return content
    }
    return nil
  }

  private mutating func writeEXIFSegment() {
    guard let exif else { return }
    let content = Array("Exif\0\0".utf8) + exif
    bytes += [0xFF, 0xE1, UInt8((content.count + 2) >> 8), UInt8((content.count + 2) & 0xFF)] + content
  }

  /// Copies entropy-coded data up to the next marker that is no restart.
  ///
  /// - Returns: The place of that marker; the end of the file without one.
  private mutating func copyScan(_ file: [UInt8], from start: Int) -> Int {
    var at = start
    while let next = file[at...].firstIndex(of: 0xFF), next + 1 < file.count {
      at = next + 1
      if file[at] == 0xFF || file[at] == 0 || (0xD0...0xD7).contains(file[at]) { continue }
      bytes += file[start..<next]
      return next
    }
    bytes += file[start...]
    return file.count
  }

  private static func cut(_ count: Int) -> PreparationError {
    PreparationError(
      .truncated, stage: .open, "the file ends after \(count) bytes, within its image or its metadata",
      remedy: "get the whole file, or decode what there is: prepare it instead")
  }
}

// MARK: - PNG (third edition, clause 5 and annex 11)

extension MetadataStripper {
  /// Ancillary chunks that describe the pixels, their colors, their shape, or further frames.
  private static let keptChunks: Set<String> = [
    "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV", "cLLI", "sBIT", "bKGD", "hIST", "pHYs", "acTL", "fcTL",
    "fdAT",
  ]
  /// Those without which a viewer shows other colors.
  private static let profileChunks: Set<String> = ["gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV", "cLLI"]

  private mutating func copyPNG(_ file: [UInt8]) throws(PreparationError) {
    bytes += file.prefix(8)
    var at = 8
    while true {
      guard at + 12 <= file.count else { throw Self.cut(file.count) }
      let length = file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard at + 12 + length <= file.count else { throw Self.cut(file.count) }
      let type = String(decoding: file[at + 4..<at + 8], as: UTF8.self)
      let chunk = file[at..<at + 12 + length]
      at += chunk.count
      if keepsChunk(type) { bytes += chunk }
      if type == "IHDR", let exif { bytes += PNGChunk(type: "eXIf", data: exif).bytes }
      guard type == "IEND" else { continue }
      if at < file.count { leaveOut("what follows the image (\(file.count - at) bytes)") }
      return
    }
  }

  private mutating func keepsChunk(_ type: String) -> Bool {
    // The fifth bit of the first letter: decoders need critical chunks (5.4).
    let isCritical = type.utf8.first.map { $0 & 0x20 == 0 } ?? false
    if isCritical || Self.keptChunks.contains(type) && (keepsProfile || !Self.profileChunks.contains(type)) {
      return true
    }
    switch type {
    case "eXIf": leaveOut("EXIF")
    case "tEXt", "zTXt", "iTXt": leaveOut("text")
    case "tIME": leaveOut("the time of the last change")
    case _ where Self.profileChunks.contains(type): leaveOut("the color profile")
    default: leaveOut("the chunk \(type)")
    }
    return false
  }
}
