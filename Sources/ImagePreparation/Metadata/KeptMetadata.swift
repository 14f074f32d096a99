/// The metadata that a result keeps at the user's request: with an upright orientation, in the form of the result's format.
struct KeptMetadata: Sendable, Equatable {
  /// A TIFF structure.
  let exif: [UInt8]?
  /// An XMP packet.
  let xmp: [UInt8]?
  /// The first comment of a JPEG, or the text of a PNG with the keyword `Comment`.
  let comment: [UInt8]?
  /// A PNG's chunks that are copied as they are, the comment among them; empty for a JPEG.
  let chunks: [PNGChunk]

  /// The most bytes of the content of a JPEG's segment.
  private static let longestSegment = 65_533
  /// The signature and IHDR of a PNG (third edition, 5.2 and 11.2.1).
  private static let pngHeaderBytes = 8 + 25
  private static let exifTag = Array("Exif\0\0".utf8)
  private static let xmpTag = Array("http://ns.adobe.com/xap/1.0/\0".utf8)

  /// Collects the metadata of a source that can be kept.
  init(of source: ImageDescription) {
    exif = source.exif.flatMap(EXIFReader.upright)
    let texts = source.chunks.compactMap(\.text)
    xmp = source.xmp.map(XMPPacket.upright)
    chunks = source.chunks.filter(Self.isCopied)
    comment =
      source.comment ?? texts.lazy.filter { $0.keyword == PNGChunk.Text.commentKeyword }.compactMap(\.plain).first
  }

  /// Whether a chunk of a PNG is copied into a PNG.
  private static func isCopied(_ chunk: PNGChunk) -> Bool {
    switch PNGChunk.Metadata(rawValue: chunk.type) {
    case .tEXt, .zTXt, .iTXt: chunk.text?.isRewritten == false
    // It is written anew, upright, too; the codec delivers it by itself.
    case .eXIf, nil: false
    }
  }

  /// The notes for the user when the metadata go into a file of `format`.
  func notes(source: ImageDescription, format: ImageDescription.Format) -> [String] {
    let textCount = chunks.count { $0.text != nil }
    let keepsText =
      switch (source.format, format) {
      case (.png, .png): textCount > 0
      case (.png, .jpeg): comment != nil && textCount == 1
      case (.jpeg, _): comment != nil
      }
    let lost = [
      ("EXIF", source.hasEXIF && exif == nil), ("XMP", source.hasXMP && xmp == nil),
      (format == .jpeg && comment != nil ? "text other than the comment" : "text", source.hasText && !keepsText),
    ].filter(\.1).map(\.0)
    let location = LocationReader(exif: exif, xmp: xmp, chunks: format == .png ? chunks : [])
    var notes: [String] = []
    if location.hasCoordinates {
      notes.append("kept GPS")
    } else if location.isIncomplete {
      notes.append("kept metadata that may hold GPS")
    } else if source.hasGPS {
      notes.append("stripped GPS")
    }
    if location.hasPlaceName { notes.append("kept names of places") }
    return notes
      + (lost.isEmpty ? [] : ["\(lost.joined(separator: " and ")) cannot be kept and was left out"])
  }

  /// Inserts the metadata after the JFIF segment of a JPEG (CIPA DC-008, 4.7.2; XMP part 3, 1.1.3) or after the header of a PNG (third
  /// edition, 11.3.3 and 11.3.4.6; XMP part 3, 1.1.5). `file` must be the output of one of this package's encoders.
  ///
  /// - Throws: `unsupportedFeature` of stage `encode` if the metadata do not fit into a JPEG.
  func insert(into file: inout [UInt8], format: ImageDescription.Format) throws(PreparationError) {
    switch format {
    case .jpeg:
      var segments: [UInt8] = []
      if let exif { segments += try Self.segment(0xE1, Self.exifTag + exif, "EXIF") }
      if let xmp { segments += try Self.segment(0xE1, Self.xmpTag + xmp, "XMP") }
      if let comment { segments += try Self.segment(0xFE, comment, "text") }
      let behindJFIF = 4 + Int(file[4]) << 8 + Int(file[5])
      file.insert(contentsOf: segments, at: behindJFIF)
    case .png:
      var written: [UInt8] = []
      if let exif { written += PNGChunk(type: "eXIf", data: exif).bytes }
      if let xmp { written += PNGChunk(keyword: PNGChunk.Text.xmpKeyword, text: xmp).bytes }
      if let comment, !chunks.contains(where: { $0.text != nil }) {
        // A zero would end the text, and cameras write some behind it.
        let text = Array(comment.prefix { $0 != 0 })
        written += PNGChunk(keyword: PNGChunk.Text.commentKeyword, text: text).bytes
      }
      for chunk in chunks { written += chunk.bytes }
      file.insert(contentsOf: written, at: Self.pngHeaderBytes)
    }
  }

  private static func segment(_ marker: UInt8, _ content: [UInt8], _ name: String) throws(PreparationError) -> [UInt8] {
    guard content.count <= longestSegment else {
      throw PreparationError(
        .unsupportedFeature, stage: .encode, "its \(name) metadata of \(content.count) bytes does not fit in a JPEG",
        remedy: .either(.writePNG, or: .leaveOut(.keptMetadata)))
    }
    let length = content.count + 2
    return [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + content
  }
}
