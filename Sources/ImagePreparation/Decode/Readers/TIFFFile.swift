/// The content of a TIFF besides its pixels: the first directory, which is checked before libtiff reads the file, the profile and the
/// metadata.
struct TIFFFile {
  private let directory: TIFFDirectory
  let profile: [UInt8]?
  /// A table of colors, red, green and blue of each; empty for none.
  let colors: [UInt8]
  /// Horizontal and vertical subsampling.
  let subsampling: [Int]
  private let exif: [UInt8]?
  private let hasDescriptiveEXIF: Bool
  private let xmp: [UInt8]?
  /// The resources of Photoshop and IPTC, as a segment of a JPEG has them.
  private let segment: [UInt8]
  private let isCut: Bool
  /// A note about further pages, which are left out; nil if there are none.
  let pagesNote: String?

  /// Tags of the first directory that EXIF has, too: texts, orientation, resolution and colors.
  private static let exifTags = [
    0x010E, 0x010F, 0x0110, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013E, 0x013F, 0x8298,
  ]
  /// The tags that describe the picture rather than the file.
  private static let descriptiveTags = [0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825]

  init(_ bytes: borrowing ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    let form = try TIFFDirectory.Form(bytes)
    let first = try TIFFDirectory(at: form.first, of: form, bytes)
    directory = first
    guard let width = first.number(0x0100, bytes), let height = first.number(0x0101, bytes), width > 0, height > 0
    else {
      throw .corrupt("no size")
    }
    guard width <= Int(UInt32.max), height <= Int(UInt32.max) else { throw .corrupt("a size of \(width) x \(height)") }
    try limits.allow(ImageSize(width: width, height: height))
    try Self.checkCompression(first.number(0x0103, bytes) ?? 1)
    if first.entry(0xC612) != nil { throw .unsupported("raw data of a camera (DNG)") }

    if let entry = first.entry(0x8773) {
      try limits.allow(profileBytes: entry.count)
      profile = first.value(entry, most: limits.maxProfileBytes, bytes)
      guard profile != nil || keepsDamaged else { throw .truncated }
    } else {
      profile = nil
    }
    subsampling = first.numbers(0x0212, bytes) ?? [2, 2]
    let table = first.numbers(0x0140, bytes) ?? []
    // Writers before TIFF 6.0 store values of 8 bits in these fields of 16 bits.
    let shift = table.contains { $0 > 255 } ? 8 : 0
    let count = table.count / 3
    colors = (0..<count).flatMap { color in
      (0..<3).map { UInt8(truncatingIfNeeded: table[$0 * count + color] >> shift) }
    }

    var metadata = Metadata(room: limits.maxMetadataBytes)
    exif = metadata.exif(of: first, tags: Self.exifTags, bytes)
    hasDescriptiveEXIF = first.entries.contains { Self.descriptiveTags.contains($0.tag) }
    xmp = metadata.value(0x02BC, of: first, bytes)
    let resources = metadata.value(0x8649, of: first, bytes) ?? []
    let captions = metadata.value(0x83BB, of: first, bytes) ?? []
    segment = resources + (captions.isEmpty ? [] : Self.resource(0x0404, captions))
    isCut = metadata.isCut
    pagesNote = Self.note(aboutPagesBehind: first, bytes)
  }

  /// Adds metadata to a description.
  func describe(_ description: inout ImageDescription) {
    if let profile { description.setICCProfile(profile) }
    description.setMetadata(exif: exif.map { [$0] } ?? [], xmp: xmp.map { [$0] } ?? [])
    description.hasEXIF = hasDescriptiveEXIF
    description.hasXMP = directory.entry(0x02BC) != nil
    let segments = segment.isEmpty ? [] : [ArraySlice(Array("Photoshop 3.0\0".utf8) + segment)]
    description.setLocation(LocationReader(exif: exif, xmp: xmp, segments: segments, isCut: isCut))
    if let pagesNote { description.notes.append(pagesNote) }
  }

  /// A resource of Photoshop without a name.
  private static func resource(_ number: Int, _ data: [UInt8]) -> [UInt8] {
    Array("8BIM".utf8) + [UInt8(number >> 8), UInt8(number & 255), 0, 0]
      + (0..<4).map { UInt8(truncatingIfNeeded: data.count >> (24 - 8 * $0)) } + data + (data.count % 2 == 1 ? [0] : [])
  }

  // MARK: Compression

  /// The names of compressions that are not read. Files with these are refused before libtiff opens them, so that no code for these
  /// compressions runs.
  private static let compressions = [
    2: "Huffman for fax", 3: "fax group 3", 4: "fax group 4", 6: "the old style of JPEG", 9: "JBIG", 10: "JBIG",
    32_766: "NeXT", 32_771: "fax group 3", 32_809: "ThunderScan", 34_661: "JBIG", 34_676: "SGI LogLuv",
    34_677: "SGI LogLuv", 34_712: "JPEG 2000", 34_887: "LERC", 34_892: "JPEG of DNG", 34_925: "LZMA",
    50_000: "Zstandard",
    50_001: "WebP", 50_002: "JPEG XL", 52_546: "JPEG XL",
  ]

  private static func checkCompression(_ number: Int) throws(ReadFault) {
    // None, LZW, JPEG, deflate, PackBits, deflate under its old number.
    guard ![1, 5, 7, 8, 32_773, 32_946].contains(number) else { return }
    throw .unsupported("it is compressed by \(compressions[number] ?? "method \(number)")")
  }

  // MARK: Pages

  private static func note(aboutPagesBehind first: TIFFDirectory, _ bytes: borrowing ByteReader) -> String? {
    let isReduced = (first.number(0x00FE, bytes) ?? 0) & 1 == 1
    var (offset, steps) = (first.next, 0)
    // Smaller versions of the picture, and masks, are not pages. The number of steps is limited, because the chain may be a circle.
    while offset > 0, steps < 16, let page = try? TIFFDirectory(at: offset, of: first.form, bytes) {
      if (page.number(0x00FE, bytes) ?? 0) & 5 == 0 {
        return isReduced
          ? "only the first page was taken, which is declared to be a smaller version of another"
          : "only the first page was taken"
      }
      (offset, steps) = (page.next, steps + 1)
    }
    return nil
  }

  // MARK: Metadata

  /// Copies metadata as long as there is room.
  private struct Metadata {
    var room: Int
    /// True if something was left out.
    var isCut = false

    mutating func value(_ tag: Int, of directory: TIFFDirectory, _ bytes: borrowing ByteReader) -> [UInt8]? {
      guard let entry = directory.entry(tag) else { return nil }
      return value(entry, of: directory, bytes)
    }

    private mutating func value(
      _ entry: TIFFDirectory.Entry, of directory: TIFFDirectory, _ bytes: borrowing ByteReader
    ) -> [UInt8]? {
      guard let value = directory.value(entry, most: room, bytes) else {
        isCut = isCut || entry.count > 0
        return nil
      }
      room -= value.count
      return value
    }

    /// A structure of the tags, EXIF and GPS of a directory; nil if it has none of them. The TIFF itself is such a structure too, but it
    /// contains the pixels. Maker notes are left out, because they refer to places in the file.
    mutating func exif(of first: TIFFDirectory, tags: [Int], _ bytes: borrowing ByteReader) -> [UInt8]? {
      var entries = copies(of: first, bytes) { tags.contains($0) }
      for (pointer, nested) in [(0x8769, 0xA005), (0x8825, nil)] as [(Int, Int?)] {
        guard let found = part(pointer, of: first, bytes) else { continue }
        var copied = copies(of: found, bytes) { $0 != 0x927C && $0 != nested }
        if let nested, let inner = part(nested, of: found, bytes) {
          copied.append(TIFFEntry(nested, directory: copies(of: inner, bytes) { _ in true }))
        }
        if !copied.isEmpty { entries.append(TIFFEntry(pointer, directory: copied)) }
      }
      return entries.isEmpty ? nil : TIFFEntry.structure(entries, isLittleEndian: first.form.isLittleEndian)
    }

    private func part(_ tag: Int, of directory: TIFFDirectory, _ bytes: borrowing ByteReader) -> TIFFDirectory? {
      guard let offset = directory.number(tag, bytes) else { return nil }
      return try? TIFFDirectory(at: offset, of: directory.form, bytes)
    }

    /// The entries of a directory, without the types that only BigTIFF has.
    private mutating func copies(
      of directory: TIFFDirectory, _ bytes: borrowing ByteReader, where isWanted: (Int) -> Bool
    ) -> [TIFFEntry] {
      var entries: [TIFFEntry] = []
      for entry in directory.entries where isWanted(entry.tag) && entry.type <= 12 {
        guard let value = value(entry, of: directory, bytes) else { continue }
        entries.append(TIFFEntry(entry.tag, type: entry.type, count: entry.count, value: value))
      }
      return entries
    }
  }
}
