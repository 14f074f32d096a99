internal import Ground

/// The metadata that a result keeps at the user's request, in the form of the result's format. They describe the result: upright, with
/// its size, without the source's thumbnail, and without references to images that only the source has.
struct KeptMetadata: Sendable, Equatable {
  /// A TIFF structure.
  let exif: [UInt8]?
  /// An XMP packet.
  let xmp: [UInt8]?
  /// The first comment of a JPEG, or the text of a PNG with the keyword `Comment`.
  let comment: [UInt8]?
  /// A PNG's chunks that are copied as they are, the comment among them; empty for a JPEG.
  let chunks: [PNGChunk]
  /// Parts of the metadata that were removed because they do not describe the result.
  private let removed: [String]

  /// The bytes of all contents.
  var byteCount: Int {
    (exif?.count ?? 0) + (xmp?.count ?? 0) + (comment?.count ?? 0) + chunks.reduce(0) { $0 + $1.bytes.count }
  }

  /// The most bytes of the content of a JPEG's segment.
  private static let longestSegment = 65_533
  /// The signature and IHDR of a PNG (third edition, 5.2 and 11.2.1).
  private static let pngHeaderBytes = 8 + 25
  private static let exifTag = Array("Exif\0\0".utf8)
  private static let xmpTag = Array("http://ns.adobe.com/xap/1.0/\0".utf8)

  /// True if positions and names of places are removed.
  let isWithoutLocation: Bool

  /// Collects the metadata of a source that can be kept in a result.
  ///
  /// - Parameters:
  ///   - source: The source.
  ///   - size: The result's size.
  ///   - withoutLocation: True to take out the GPS directory and the maker notes of EXIF, and to leave out every other part that holds a
  ///     position or the name of a place, or cannot be searched for them.
  init(of source: ImageDescription, size: ImageSize, withoutLocation: Bool = false) {
    isWithoutLocation = withoutLocation
    func isAllowed(_ location: @autoclosure () -> LocationReader) -> Bool {
      !withoutLocation || !location().mayHoldLocation
    }
    let editedEXIF = source.exif.flatMap { EXIFEditor($0, size: size, withoutLocation: withoutLocation) }
    let editedXMP = source.xmp.flatMap { XMPEditor($0, size: size) }
    exif = editedEXIF.flatMap { $0.mayHoldLocation ? nil : $0.bytes }.flatMap {
      isAllowed(LocationReader(exif: $0, xmp: nil)) ? $0 : nil
    }
    xmp = editedXMP.map(\.bytes).flatMap { isAllowed(LocationReader(exif: nil, xmp: $0)) ? $0 : nil }
    let promises = editedXMP?.removed ?? []
    removed = [
      ("the thumbnail", editedEXIF?.hadThumbnail == true || promises.contains(.thumbnail)),
      ("references to other images in the file", promises.contains(.otherImage) || promises.contains(.motion)),
      ("extended XMP", promises.contains(.furtherPacket)),
    ].filter(\.1).map(\.0)
    let texts = source.chunks.compactMap(\.text)
    // There is one limit for all texts together, because a small file can contain many texts that inflate to a lot of bytes.
    var limit = PNGChunk.Text.inflatedLimit
    chunks = source.chunks.filter {
      Self.isCopied($0) && (!withoutLocation || Self.isWithoutLocation($0, limit: &limit))
    }
    let text =
      source.comment ?? texts.lazy.filter { $0.keyword == PNGChunk.Text.commentKeyword }.compactMap(\.plain).first
    comment = text.flatMap { withoutLocation && Self.mayNamePosition($0) ? nil : $0 }
  }

  /// True for text that contains a position in a form in which some programs write it into comments.
  private static func mayNamePosition(_ text: [UInt8]) -> Bool {
    let text = String(decoding: text, as: UTF8.self).lowercased()
    return ["gps", "latitude", "longitude"].contains { text.contains(part: $0) }
  }

  /// True for a chunk of a PNG that names neither a position nor a place. A compressed text is inflated for the search, to at most
  /// `limit` bytes; the bytes it inflates to are subtracted from `limit`.
  private static func isWithoutLocation(_ chunk: PNGChunk, limit: inout Int) -> Bool {
    switch PNGChunk.Metadata(rawValue: chunk.type) {
    case .tEXt, .zTXt, .iTXt:
      guard let text = chunk.text else { return false }
      let (bytes, isWhole) = text.whole(limit: limit)
      limit -= min(bytes.count, limit)
      guard isWhole, !mayNamePosition(chunk.data), !mayNamePosition(bytes) else { return false }
      let inflated = PNGChunk(type: "tEXt", data: text.keyword + [0] + bytes)
      return !LocationReader(exif: nil, xmp: nil, chunks: [inflated]).mayHoldLocation
    case .eXIf, nil: return false
    }
  }

  /// True if a chunk of a PNG is copied into a PNG.
  private static func isCopied(_ chunk: PNGChunk) -> Bool {
    switch PNGChunk.Metadata(rawValue: chunk.type) {
    case .tEXt, .zTXt, .iTXt: chunk.text?.isRewritten == false
    // EXIF is written again, upright. The codec delivers it apart from the other chunks.
    case .eXIf, nil: false
    }
  }

  /// The notes for the user when the metadata go into a file of `format`.
  func notes(source: ImageDescription, format: EncodedFormat) -> [String] {
    let textCount = chunks.count { $0.text != nil }
    let keepsText =
      switch (source.format, format) {
      case (.png, .png): textCount > 0
      case (.png, .jpeg): comment != nil && textCount == 1
      case (_, .webp): false
      case (_, _): comment != nil
      }
    let isJPEG = format == .jpeg
    let lost = [
      ("EXIF", source.hasEXIF && exif == nil), ("XMP", source.hasXMP && xmp == nil),
      (isJPEG && comment != nil ? "text other than the comment" : "text", source.hasText && !keepsText),
    ].filter(\.1).map(\.0)
    let large = isJPEG ? segments.filter { $0.content.count > Self.longestSegment } : []
    let location = LocationReader(
      exif: large.contains { $0.name == "EXIF" } ? nil : exif, xmp: large.contains { $0.name == "XMP" } ? nil : xmp,
      chunks: format == .png ? chunks : [])
    var notes: [String] = []
    if location.hasCoordinates {
      notes.append("kept GPS")
    } else if location.isIncomplete {
      notes.append("kept metadata that may hold GPS")
    } else if source.hasGPS {
      notes.append("stripped GPS")
    }
    if location.hasPlaceName { notes.append("kept names of places") }
    if !removed.isEmpty {
      notes.append("left out of the metadata, because the result has none: \(removed.joined(separator: ", "))")
    }
    for segment in large {
      notes.append("\(segment.name) of \(segment.content.count) bytes does not fit in a JPEG and was left out")
    }
    return notes
      + (lost.isEmpty ? [] : ["\(lost.joined(separator: " and ")) cannot be kept and was left out"])
  }

  /// The segments of a JPEG, also those that are too long for one.
  private var segments: [(marker: UInt8, content: [UInt8], name: String)] {
    [
      exif.map { (0xE1, Self.exifTag + $0, "EXIF") }, xmp.map { (0xE1, Self.xmpTag + $0, "XMP") },
      comment.map { (0xFE, $0, "text") },
    ].compactMap(\.self)
  }

  /// Inserts the metadata into a file, which must be the output of one of this package's encoders.
  ///
  /// The place is after the JFIF segment of a JPEG (CIPA DC-008, 4.7.2; XMP part 3, 1.1.3), after the header of a PNG (third edition,
  /// 11.3.3 and 11.3.4.6; XMP part 3, 1.1.5), or after the image of a WebP (RFC 9649, 2.7.1.5). Metadata that are too long for a segment of
  /// a JPEG are left out.
  func insert(into file: inout [UInt8], format: EncodedFormat) {
    switch format {
    case .jpeg:
      var written: [UInt8] = []
      for (marker, content, _) in segments where content.count <= Self.longestSegment {
        let length = content.count + 2
        written += [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + content
      }
      let behindJFIF = 4 + Int(file[4]) << 8 + Int(file[5])
      file.insert(contentsOf: written, at: behindJFIF)
    case .png:
      var written: [UInt8] = []
      if let exif { written += PNGChunk(type: "eXIf", data: exif).bytes }
      if let xmp { written += PNGChunk(keyword: PNGChunk.Text.xmpKeyword, text: xmp).bytes }
      if let comment, !chunks.contains(where: { $0.text != nil }) {
        // A zero would end the text, and cameras write some after it.
        let text = Array(comment.prefix { $0 != 0 })
        written += PNGChunk(keyword: PNGChunk.Text.commentKeyword, text: text).bytes
      }
      for chunk in chunks { written += chunk.bytes }
      file.insert(contentsOf: written, at: Self.pngHeaderBytes)
    case .webp:
      guard exif != nil || xmp != nil else { return }
      var container = WebPContainer(file)
      if let exif { container.set("EXIF", exif) }
      if let xmp { container.set("XMP ", xmp) }
      file = container.bytes
    }
  }
}
