/// Makes EXIF metadata true of a result: upright, with the result's size, and without the thumbnail of the source.
///
/// Values are changed in place, because maker notes may refer to places in the structure. Bytes may be hostile: every place is checked,
/// and no chain of directories is followed.
struct EXIFEditor {
  /// The edited structure.
  private(set) var bytes: [UInt8]
  /// True where a thumbnail was taken out.
  private(set) var hadThumbnail = false
  private let isLittleEndian: Bool

  /// Edits a TIFF structure; nil for bytes that are none.
  init?(_ exif: [UInt8], size: ImageSize) {
    let reader = EXIFReader(exif.span)
    guard reader.isReadable else { return nil }
    bytes = exif
    isLittleEndian = exif[0] == 0x49
    let first = entries(ofDirectoryAt: number(4, 4))
    let isOutside = { (place: Range<Int>) in place.lowerBound >= first.end + 4 }
    for entry in first.entries {
      switch entry.tag {
      case 0x0100: set(entry, size.width)
      case 0x0101: set(entry, size.height)
      case 0x8769:
        for entry in entries(ofDirectoryAt: number(entry.value, 4)).entries {
          if entry.tag == 0xA002 { set(entry, size.width) }
          if entry.tag == 0xA003 { set(entry, size.height) }
        }
      default: break
      }
    }
    if first.end + 4 <= bytes.count { removeThumbnail(linkedAt: first.end, where: isOutside) }
    // Last, so that no other change can undo it.
    if let range = reader.orientationBytes, range.upperBound <= bytes.count {
      for i in range { bytes[i] = 0 }
      bytes[isLittleEndian ? range.lowerBound : range.upperBound - 1] = UInt8(Orientation.upright.rawValue)
    }
  }

  private struct Entry {
    let tag: Int
    let type: Int
    let count: Int
    /// The offset of the field of 4 bytes.
    let value: Int
  }

  private func number(_ offset: Int, _ size: Int) -> Int {
    guard offset >= 0, offset + size <= bytes.count else { return 0 }
    return (0..<size).reduce(0) { sum, k in sum << 8 | Int(bytes[offset + (isLittleEndian ? size - 1 - k : k)]) }
  }

  /// The entries of a directory that lie in the bytes, and the offset behind them.
  private func entries(ofDirectoryAt offset: Int) -> (entries: [Entry], end: Int) {
    guard offset >= 8, offset <= bytes.count - 2 else { return ([], bytes.count) }
    let count = min(number(offset, 2), (bytes.count - offset - 2) / 12)
    let entries = (0..<count).map { index in
      let at = offset + 2 + index * 12
      return Entry(tag: number(at, 2), type: number(at + 2, 2), count: number(at + 4, 4), value: at + 8)
    }
    return (entries, offset + 2 + count * 12)
  }

  /// Sets one SHORT or LONG.
  private mutating func set(_ entry: Entry, _ value: Int) {
    guard entry.count == 1, entry.type == 4 || entry.type == 3 && value <= 0xFFFF else { return }
    let size = entry.type == 3 ? 2 : 4
    for k in 0..<size {
      bytes[entry.value + (isLittleEndian ? k : size - 1 - k)] = UInt8(truncatingIfNeeded: value >> (8 * k))
    }
  }

  /// Unlinks the second directory, which describes the thumbnail (CIPA DC-008, 4.5.5), and clears it and its image.
  private mutating func removeThumbnail(linkedAt link: Int, where isAllowed: (Range<Int>) -> Bool) {
    let offset = number(link, 4)
    let second = entries(ofDirectoryAt: offset)
    for k in 0..<4 { bytes[link + k] = 0 }
    guard offset >= 8, !second.entries.isEmpty else { return }
    hadThumbnail = true
    func value(_ tag: Int) -> Int? {
      second.entries.first { $0.tag == tag }.map { number($0.value, $0.type == 3 ? 2 : 4) }
    }
    // A JPEG, or one strip of uncompressed pixels.
    let images = [(0x0201, 0x0202), (0x0111, 0x0117)].compactMap { place, count -> Range<Int>? in
      guard let start = value(place), let count = value(count), start <= bytes.count else { return nil }
      return start..<min(bytes.count, start + count)
    }
    for place in images + [offset..<min(second.end + 4, bytes.count)] where isAllowed(place) {
      // The place before may have been the end of the bytes.
      let place = place.clamped(to: 0..<bytes.count)
      for i in place { bytes[i] = 0 }
      if place.upperBound == bytes.count { bytes.removeSubrange(place) }
    }
  }
}
