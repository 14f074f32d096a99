/// Edits an XMP packet so that it describes a result: upright, with the result's size, and without properties that are no longer true.
///
/// Packets may be hostile. A packet that is not well-formed enough to be understood is not kept.
struct XMPEditor {
  /// A reference of a packet to something that only the source has, such as a gain map.
  enum Promise: Hashable {
    case gainMap, otherImage, motion, thumbnail, furtherPacket
  }

  /// The edited packet.
  private(set) var bytes: [UInt8] = []
  /// The valid orientation that the packet had; nil for none.
  private(set) var orientation: Orientation?
  /// The references that were removed.
  private(set) var removed: Set<Promise> = []
  private let source: [UInt8]
  private let size: ImageSize
  private var prefixes: [ArraySlice<UInt8>: ArraySlice<UInt8>] = [:]
  /// The names of the open elements.
  private var open: [ArraySlice<UInt8>] = []
  /// The number of open elements around the one that is being left out; nil if none is.
  private var leftOutAt: Int?
  /// The text of the element that was opened last; nil to keep its own.
  private var text: String?

  /// Edits a packet; nil if it is damaged, or not in UTF-8.
  init?(_ packet: [UInt8], size: ImageSize) {
    (source, self.size) = (packet, size)
    var at = 0
    while at < source.count {
      let next = source[at...].firstIndex(of: UInt8(ascii: "<")) ?? source.count
      appendText(at..<next)
      guard next < source.count else { break }
      guard let end = markup(next) else { return nil }
      at = end
    }
    guard open.isEmpty, !source.contains(0) else { return nil }
  }

  private mutating func append(_ part: ArraySlice<UInt8>) { if leftOutAt == nil { bytes += part } }

  private mutating func appendText(_ range: Range<Int>) {
    guard let text, let name = open.last, !range.isEmpty else { return append(source[range]) }
    noteOrientation(name, source[range])
    append(Array(text.utf8)[...])
    self.text = nil
  }

  /// Keeps the first orientation before its value is replaced.
  private mutating func noteOrientation(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
    guard leftOutAt == nil, orientation == nil, expanded(name)?.local == "Orientation" else { return }
    orientation = String(decoding: value, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
      .flatMap { Int($0) }.flatMap(Orientation.init(rawValue:))
  }

  // MARK: Markup

  /// Reads the markup that begins at `start` with a `<`, and returns the index after it; nil if the markup does not end.
  private mutating func markup(_ start: Int) -> Int? {
    func begins(_ text: StaticString) -> Bool {
      unsafe source[start...].starts(with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    if begins("<!--") { return skip(start, to: "-->") }
    if begins("<?") { return skip(start, to: "?>") }
    if begins("<![CDATA[") { return skip(start, to: "]]>") }
    // A document type may define entities, which no packet needs.
    if begins("<!") { return nil }
    return begins("</") ? close(start) : element(start)
  }

  private mutating func skip(_ start: Int, to end: String) -> Int? {
    let end = Array(end.utf8)
    var at = start
    while at + end.count <= source.count {
      if source[at] == end[0], source[at..<at + end.count].elementsEqual(end) {
        append(source[start..<at + end.count])
        return at + end.count
      }
      at += 1
    }
    return nil
  }

  private mutating func close(_ start: Int) -> Int? {
    guard let end = source[start...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
    let name = source[start + 2..<end].prefix { $0 > 0x20 }
    guard let last = open.popLast(), last == name else { return nil }
    append(source[start...end])
    if leftOutAt == open.count { leftOutAt = nil }
    text = nil
    return end + 1
  }

  private struct Attribute {
    /// The range of the whole attribute: the white space before it, its name, the equals sign, and its value in quotes.
    let whole: Range<Int>
    let name: ArraySlice<UInt8>
    let value: Range<Int>
  }

  private mutating func element(_ start: Int) -> Int? {
    let name = source[(start + 1)...].prefix(while: Self.isName)
    guard !name.isEmpty else { return nil }
    var at = name.endIndex
    var attributes: [Attribute] = []
    while true {
      let begin = at
      while at < source.count, source[at] <= 0x20 { at += 1 }
      guard at < source.count else { return nil }
      if source[at] == UInt8(ascii: ">") || source[at] == UInt8(ascii: "/") { break }
      // An attribute needs white space before it (XML 1.0, 3.1). Without white space, the attribute would be joined to the name before it
      // when an attribute between the two is removed.
      guard at > begin else { return nil }
      let key = source[at...].prefix(while: Self.isName)
      at = key.endIndex
      while at < source.count, source[at] <= 0x20 || source[at] == UInt8(ascii: "=") { at += 1 }
      guard !key.isEmpty, at < source.count, source[at] == UInt8(ascii: "\"") || source[at] == UInt8(ascii: "'"),
        let quote = source[(at + 1)...].firstIndex(of: source[at])
      else { return nil }
      attributes.append(Attribute(whole: begin..<quote + 1, name: key, value: at + 1..<quote))
      at = quote + 1
    }
    let isEmpty = source[at] == UInt8(ascii: "/")
    guard let end = source[at...].firstIndex(of: UInt8(ascii: ">")), end <= at + 1 else { return nil }
    let xmlns = Array("xmlns:".utf8)
    for attribute in attributes where attribute.name.starts(with: xmlns) {
      prefixes[attribute.name.dropFirst(xmlns.count)] = source[attribute.value]
    }
    if leftOutAt == nil, let promise = promise(name) {
      removed.insert(promise)
      if isEmpty { return end + 1 }
      leftOutAt = open.count
    }
    append(source[start..<name.endIndex])
    for attribute in attributes {
      if let promise = promise(attribute.name) {
        if leftOutAt == nil { removed.insert(promise) }
      } else if let value = value(of: attribute.name) {
        noteOrientation(attribute.name, source[attribute.value])
        append(source[attribute.whole.lowerBound..<attribute.value.lowerBound])
        append(Array(value.utf8)[...])
        append(source[attribute.value.upperBound..<attribute.whole.upperBound])
      } else {
        append(source[attribute.whole])
      }
    }
    append(source[(attributes.last?.whole.upperBound ?? name.endIndex)...end])
    if !isEmpty {
      open.append(name)
      text = value(of: name)
    }
    return end + 1
  }

  private static func isName(_ byte: UInt8) -> Bool {
    byte > 0x20 && !"=/<>\"'".utf8.contains(byte)
  }

  // MARK: Names

  /// The namespace and the local name.
  private func expanded(_ name: ArraySlice<UInt8>) -> (space: String, local: String)? {
    guard let colon = name.firstIndex(of: UInt8(ascii: ":")), let space = prefixes[name[..<colon]] else { return nil }
    return (String(decoding: space, as: UTF8.self), String(decoding: name[(colon + 1)...], as: UTF8.self))
  }

  /// The value that a property gets; nil if the property is not changed.
  private func value(of name: ArraySlice<UInt8>) -> String? {
    switch expanded(name) {
    case ("http://ns.adobe.com/tiff/1.0/", "Orientation")?: "1"
    case ("http://ns.adobe.com/tiff/1.0/", "ImageWidth")?: String(size.width)
    case ("http://ns.adobe.com/tiff/1.0/", "ImageLength")?: String(size.height)
    case ("http://ns.adobe.com/exif/1.0/", "PixelXDimension")?: String(size.width)
    case ("http://ns.adobe.com/exif/1.0/", "PixelYDimension")?: String(size.height)
    default: nil
    }
  }

  /// The promise of a property; nil for a property that describes the picture itself.
  private func promise(_ name: ArraySlice<UInt8>) -> Promise? {
    guard let (space, local) = expanded(name) else { return nil }
    switch space {
    // Adobe's gain map specification 1.0, Android's Ultra HDR format 1.1; Apple's auxiliary images.
    case "http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/": return .gainMap
    case "http://ns.apple.com/pixeldatainfo/1.0/", "http://ns.google.com/photos/1.0/depthmap/",
      "http://ns.google.com/photos/1.0/image/":
      return .otherImage
    // The directory of the images in the file, and those of Google's dynamic depth.
    case _ where space.hasPrefix("http://ns.google.com/photos/1.0/container/"): return .otherImage
    case _ where space.hasPrefix("http://ns.google.com/photos/dd/1.0/"): return .otherImage
    case "http://ns.google.com/photos/1.0/camera/":
      return local.hasPrefix("MotionPhoto") || local.hasPrefix("MicroVideo") ? .motion : nil
    case "http://ns.adobe.com/xap/1.0/": return local == "Thumbnails" ? .thumbnail : nil
    case "http://ns.adobe.com/xmp/note/": return local == "HasExtendedXMP" ? .furtherPacket : nil
    default: return nil
    }
  }
}
