/// Searches metadata for the location of a picture: for coordinates, and for the name of a place.
///
/// Coordinates are a GPS directory in EXIF, and in XMP every property named after a position, in any namespace: drones, editors and
/// vocabularies of the web have their own names besides `exif:GPSLatitude`. Names of places are properties of XMP and datasets of
/// IPTC. Only names of properties count, not their values. Maker notes, second images and bytes after the end of a JPEG are not
/// searched.
///
/// The search is bounded, and bytes may be hostile. Metadata that could not be searched set ``isIncomplete``, so that the absence of a
/// location is never claimed wrongly.
struct LocationReader: Sendable, Equatable {
  /// True when a position was found.
  private(set) var hasCoordinates = false
  /// True when a place is named: a city, a country, a location.
  private(set) var hasPlaceName = false
  /// True when metadata are damaged, incomplete or too large to be searched.
  private(set) var isIncomplete = false

  /// True when the metadata hold a location, or could not be searched for one.
  var mayHoldLocation: Bool { hasCoordinates || hasPlaceName || isIncomplete }

  /// The most bytes that all compressed texts of a file together may inflate to.
  private var inflatedLimit = PNGChunk.Text.inflatedLimit
  /// Photoshop's resources, which may continue in the next segment.
  private var resources: [UInt8] = []
  private var portions: [Portion] = []

  /// Searches the metadata of a file.
  ///
  /// - Parameters:
  ///   - exif: A TIFF structure.
  ///   - xmp: An XMP packet.
  ///   - segments: Segments of a JPEG, from the identifier on.
  ///   - chunks: Chunks of a PNG, of which only texts are read.
  ///   - isCut: True when some of the metadata were already left out.
  init(
    exif: [UInt8]?, xmp: [UInt8]?, segments: [ArraySlice<UInt8>] = [], chunks: [PNGChunk] = [], isCut: Bool = false
  ) {
    isIncomplete = isCut
    if let exif { read(exif: exif[...]) }
    if let xmp { read(xmp: xmp[...]) }
    for segment in segments { read(block: segment) }
    for text in chunks.compactMap(\.text) { read(text) }
    if !portions.isEmpty { readPortions() }
    if !resources.isEmpty { readResources() }
  }

  // MARK: Carriers

  private static let exifTag = Array("Exif\0\0".utf8)
  private static let xmpTag = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
  private static let extensionTag = Array("http://ns.adobe.com/xmp/extension/\0".utf8)
  private static let photoshopTag = Array("Photoshop 3.0\0".utf8)

  /// Reads metadata of any kind, recognized by their first bytes.
  private mutating func read(block: ArraySlice<UInt8>) {
    func rest(behind tag: [UInt8]) -> ArraySlice<UInt8>? { block.starts(with: tag) ? block.dropFirst(tag.count) : nil }
    if let exif = rest(behind: Self.exifTag) {
      read(exif: exif)
    } else if block.starts(with: "II*\0".utf8) || block.starts(with: "MM\0*".utf8) {
      read(exif: block)
    } else if let packet = rest(behind: Self.xmpTag) {
      read(xmp: packet)
    } else if let portion = rest(behind: Self.extensionTag) {
      read(portion: portion)
    } else if let more = rest(behind: Self.photoshopTag) {
      resources += more
    } else if block.starts(with: "8BIM".utf8) {
      resources += block
    } else if block.first == 0x1C {
      read(iptc: block)
    } else if block.prefix(8).contains(UInt8(ascii: "<")) {
      read(xmp: block)
    }
  }

  /// A text of a PNG: a packet, a profile in hexadecimal digits, or a property as ImageMagick writes some.
  private mutating func read(_ text: PNGChunk.Text) {
    let keyword = text.keyword
    let isProfile = text.profileName != nil
    guard isProfile || keyword == PNGChunk.Text.xmpKeyword else {
      note(name: keyword.span, 0..<keyword.count)
      return
    }
    let (bytes, isWhole) = text.whole(limit: inflatedLimit)
    inflatedLimit -= min(bytes.count, inflatedLimit)
    if !isWhole { isIncomplete = true }
    guard isProfile else { return read(xmp: bytes[...]) }
    guard let profile = PNGChunk.Text.profile(in: bytes) else { return isIncomplete = true }
    if !profile.isWhole { isIncomplete = true }
    read(block: profile.bytes[...])
  }

  // MARK: EXIF

  private mutating func read(exif bytes: ArraySlice<UInt8>) {
    let bytes = Array(bytes)
    let exif = EXIFReader(bytes.span)
    if exif.hasGPS { hasCoordinates = true }
    // The whole structure is searched, because the code that finds the packet in it is not worth its length.
    if exif.hasXMP { readNames(in: bytes.span) }
  }

  // MARK: XMP

  /// A portion of a packet that is too long for one segment (XMP part 3, 1.1.3.1).
  private struct Portion: Sendable, Equatable {
    let digest: [UInt8]
    let packetCount: Int
    let offset: Int
    let bytes: ArraySlice<UInt8>
  }

  private mutating func read(portion: ArraySlice<UInt8>) {
    guard portion.count >= 40 else { return isIncomplete = true }
    let numbers = portion.dropFirst(32)
    portions.append(
      Portion(
        digest: Array(portion.prefix(32)), packetCount: Self.number(numbers.prefix(4)),
        offset: Self.number(numbers.dropFirst(4).prefix(4)), bytes: numbers.dropFirst(8)))
  }

  /// Joins portions, which come in any order, to packets.
  private mutating func readPortions() {
    for (_, portions) in Dictionary(grouping: portions, by: \.digest) {
      var packet: [UInt8] = []
      for portion in portions.sorted(by: { $0.offset < $1.offset }) {
        if portion.offset != packet.count { isIncomplete = true }
        packet += portion.bytes
      }
      if portions[0].packetCount != packet.count { isIncomplete = true }
      read(xmp: packet[...])
    }
    portions = []
  }

  /// Reads a packet in any of its encodings (XMP part 1, 7.1).
  private mutating func read(xmp packet: ArraySlice<UInt8>) {
    guard let (width, isBigEndian) = Self.encoding(of: packet) else {
      let text = Array(packet)
      // Zeros before the end mean that the encoding is unknown.
      if let end = text.lastIndex(where: { $0 != 0 }), text[..<end].contains(0) { isIncomplete = true }
      return readNames(in: text.span)
    }
    if packet.count % width != 0 { isIncomplete = true }
    var text: [UInt8] = []
    text.reserveCapacity(packet.count / width)
    for start in stride(from: packet.startIndex, through: packet.endIndex - width, by: width) {
      let unit = packet[start..<start + width]
      let value = Self.number(isBigEndian ? unit : ArraySlice(unit.reversed()))
      // Markup and the names are ASCII; all other characters are replaced by a byte that is not markup.
      text.append(value < 0x80 ? UInt8(value) : 0x80)
    }
    readNames(in: text.span)
  }

  /// The bytes per unit of UTF-16 or UTF-32, and their order; nil for UTF-8.
  private static func encoding(of packet: ArraySlice<UInt8>) -> (width: Int, isBigEndian: Bool)? {
    let start = Array(packet.prefix(4))
    guard start.count == 4 else { return nil }
    // A packet begins with a byte order mark or with markup.
    return switch (start[0], start[1], start[2], start[3]) {
    case (0xFF, 0xFE, 0, 0), (1..., 0, 0, 0): (4, false)
    case (0, 0, 0xFE, 0xFF), (0, 0, 0, 1...): (4, true)
    case (0xFF, 0xFE, _, _), (1..., 0, _, _): (2, false)
    case (0xFE, 0xFF, _, _), (0, 1..., _, _): (2, true)
    default: nil
    }
  }

  /// Reads the names of elements and attributes. A name follows `<`, escaped or not, or comes before `=` and a quotation mark; words of
  /// texts and values do not. No other syntax of XML is interpreted, so that none can hide a name.
  private mutating func readNames(in text: Span<UInt8>) {
    var at = 0
    while at < text.count {
      guard Self.isPartOfName(text[at]) else {
        at += 1
        continue
      }
      let start = at
      while at < text.count, Self.isPartOfName(text[at]) { at += 1 }
      guard Self.isElement(in: text, at: start) || Self.isAttribute(in: text, behind: at) else { continue }
      note(name: text, start..<at)
    }
  }

  private static func isElement(in text: Span<UInt8>, at start: Int) -> Bool {
    if start > 0, text[start - 1] == UInt8(ascii: "<") { return true }
    return start >= escaped.count && escaped.indices.allSatisfy { text[start - escaped.count + $0] == escaped[$0] }
  }

  private static let escaped = Array("&lt;".utf8)

  private static func isAttribute(in text: Span<UInt8>, behind end: Int) -> Bool {
    var next = end
    func skipBlanks() { while next < text.count, text[next] <= 0x20 { next += 1 } }
    skipBlanks()
    guard next < text.count, text[next] == UInt8(ascii: "=") else { return false }
    next += 1
    skipBlanks()
    return next < text.count && (text[next] == UInt8(ascii: "\"") || text[next] == UInt8(ascii: "'"))
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), 0x80...:
      true
    default: false
    }
  }

  // MARK: Names

  /// The longest name of a property; longer words are data in base64.
  private static let longestName = 128
  private static let parts = ["gps", "latitude", "longitude"].map { Array($0.utf8) }
  private static let coordinates = ["lat", "long", "lon"].map { Array($0.utf8) }
  /// Properties of photoshop, Iptc4xmpCore, Iptc4xmpExt and xmpDM. The structures that contain some of these properties are not in the
  /// list, because GIMP writes empty ones into every file.
  private static let places = [
    "city", "state", "country", "countrycode", "countryname", "provincestate", "sublocation", "location",
    "locationname", "locationid", "shotlocation", "worldregion",
  ].map { Array($0.utf8) }

  /// Records a property by its name, with or without a prefix.
  private mutating func note(name text: Span<UInt8>, _ range: Range<Int>) {
    guard range.count <= Self.longestName else { return }
    func has(_ word: [UInt8], at start: Int) -> Bool {
      guard start + word.count <= range.upperBound else { return false }
      // Upper and lower case are equal here: no word contains another character that this bit changes.
      for index in word.indices where text[start + index] | 0x20 != word[index] { return false }
      return true
    }
    var local = range.lowerBound
    for index in range {
      if text[index] == UInt8(ascii: ":") { local = index + 1 }
      for part in Self.parts where has(part, at: index) { hasCoordinates = true }
    }
    func isOne(of words: [[UInt8]]) -> Bool {
      words.contains { $0.count == range.upperBound - local && has($0, at: local) }
    }
    if isOne(of: Self.coordinates) { hasCoordinates = true }
    if isOne(of: Self.places) { hasPlaceName = true }
  }

  // MARK: IPTC

  /// Photoshop's resources (Adobe Photoshop File Formats Specification, "Image Resources Section"): a signature, a number, a name
  /// and data, the last two padded to an even count.
  private mutating func readResources() {
    var rest = resources[...]
    resources = []
    while rest.count >= 12 {
      let nameCount = Int(rest[rest.startIndex + 6]) + 1
      let header = 6 + nameCount + nameCount % 2
      guard rest.count >= header + 4 else { return }
      let size = Self.number(rest.dropFirst(header).prefix(4))
      let data = rest.dropFirst(header + 4).prefix(size)
      switch Self.number(rest.dropFirst(4).prefix(2)) {
      case 0x0404: read(iptc: data)
      case 0x0422: read(exif: data)
      case 0x0424: read(xmp: data)
      default: break
      }
      rest = rest.dropFirst(header + 4 + size + size % 2)
    }
  }

  /// Datasets of record 2 that name a place (IPTC-NAA Information Interchange Model 4.2, chapter 6).
  private static let placeDatasets: Set<UInt8> = [26, 27, 90, 92, 95, 100, 101]

  private mutating func read(iptc: ArraySlice<UInt8>) {
    var rest = iptc
    while rest.count >= 5, rest.first == 0x1C {
      let (record, dataset) = (rest[rest.startIndex + 1], rest[rest.startIndex + 2])
      let size = Self.number(rest.dropFirst(3).prefix(2))
      if record == 2, Self.placeDatasets.contains(dataset) { hasPlaceName = true }
      // Longer datasets have another form of length.
      guard size < 0x8000 else { return }
      rest = rest.dropFirst(5 + size)
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}
