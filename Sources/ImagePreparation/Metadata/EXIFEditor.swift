/// Edits EXIF metadata so that they describe a result: upright, with the result's size, and without the thumbnail of the source.
///
/// Values are changed in place, because maker notes may refer to offsets in the structure. Bytes may be hostile: every offset is checked,
/// and no chain of directories is followed.
struct EXIFEditor {
  /// The edited structure.
  var bytes: [UInt8] { tiff.bytes }
  /// True if a thumbnail was removed.
  private(set) var hadThumbnail = false
  /// True if the location had to be removed, but a value of it was not found.
  private(set) var mayHoldLocation = false
  private var tiff: TIFFStructure

  /// Edits a TIFF structure; nil if the bytes are not one, or if it cannot be made upright.
  ///
  /// - Parameters:
  ///   - exif: The structure.
  ///   - size: The result's size.
  ///   - withoutLocation: True to take out the GPS directory, and maker notes, which may hold a position in forms of their own.
  init?(_ exif: [UInt8], size: ImageSize, withoutLocation: Bool) {
    guard let tiff = TIFFStructure(exif) else { return nil }
    self.tiff = tiff
    if withoutLocation { removeLocation() }
    let first = self.tiff.first
    let isOutside = { (place: Range<Int>) in place.lowerBound >= first.end + 4 }
    for entry in first.entries {
      switch entry.tag {
      case 0x0100: set(entry, size.width)
      case 0x0101: set(entry, size.height)
      case 0x8769:
        for entry in tiff.directory(at: tiff.number(entry.field, 4)).entries {
          if entry.tag == 0xA002 { set(entry, size.width) }
          if entry.tag == 0xA003 { set(entry, size.height) }
        }
      default: break
      }
    }
    if first.end + 4 <= tiff.bytes.count { removeThumbnail(linkedAt: first.end, where: isOutside) }
    // The orientation is set last, so that no other change can undo it.
    if let range = EXIFReader(self.tiff.bytes.span).orientationBytes {
      for i in range { self.tiff.bytes[i] = 0 }
      self.tiff.bytes[tiff.isLittleEndian ? range.lowerBound : range.upperBound - 1] = UInt8(
        Orientation.upright.rawValue)
    }
    // In hostile bytes, the value of the orientation may overlap the entries, so that setting it has changed them.
    let kept = EXIFReader(self.tiff.bytes.span).orientation
    guard kept == nil || kept == .upright else { return nil }
  }

  /// GPS, maker notes, IPTC, Photoshop's resources and XMP as entries of a directory.
  private static let placesOfLocations = [0x8825, 0x927C, 0x83BB, 0x8649, 0x02BC]

  private mutating func removeLocation() {
    let first = tiff.number(4, 4)
    let photo = tiff.first.entries.first { $0.tag == 0x8769 }.map { tiff.number($0.field, 4) } ?? 0
    for directory in [photo, first] {
      for entry in tiff.directory(at: directory).entries where entry.tag == 0x8825 {
        for value in tiff.directory(at: tiff.number(entry.field, 4)).entries {
          if tiff.place(of: value) == nil { mayHoldLocation = true }
          clearValue(of: value)
        }
      }
      for tag in Self.placesOfLocations {
        while remove(tag, from: directory) {}
      }
    }
  }

  /// Takes an entry and its value out of a directory. The entries after it move up; values stay where they are.
  ///
  /// - Returns: False if there is none.
  private mutating func remove(_ tag: Int, from offset: Int) -> Bool {
    let directory = tiff.directory(at: offset)
    guard let entry = directory.entries.first(where: { $0.tag == tag }) else { return false }
    if tiff.place(of: entry) == nil { mayHoldLocation = true }
    clearValue(of: entry)
    let (start, end) = (entry.field - 8, min(directory.end + 4, tiff.bytes.count))
    tiff.bytes.replaceSubrange(
      start..<end, with: Array(tiff.bytes[start + 12..<end]) + [UInt8](repeating: 0, count: 12))
    let count = directory.entries.count - 1
    for k in 0..<2 {
      tiff.bytes[offset + (tiff.isLittleEndian ? k : 1 - k)] = UInt8(truncatingIfNeeded: count >> (8 * k))
    }
    return true
  }

  private mutating func clearValue(of entry: TIFFStructure.Entry) {
    guard let place = tiff.place(of: entry) else { return }
    for i in place { tiff.bytes[i] = 0 }
  }

  /// Sets one SHORT or LONG.
  private mutating func set(_ entry: TIFFStructure.Entry, _ value: Int) {
    guard entry.count == 1, entry.type == 4 || entry.type == 3 && value <= 0xFFFF else { return }
    let size = entry.type == 3 ? 2 : 4
    for k in 0..<size {
      tiff.bytes[entry.field + (tiff.isLittleEndian ? k : size - 1 - k)] = UInt8(truncatingIfNeeded: value >> (8 * k))
    }
  }

  /// Unlinks the second directory, which describes the thumbnail (CIPA DC-008, 4.5.5), and clears the directory and the thumbnail.
  private mutating func removeThumbnail(linkedAt link: Int, where isAllowed: (Range<Int>) -> Bool) {
    let offset = tiff.number(link, 4)
    let second = tiff.directory(at: offset)
    for k in 0..<4 { tiff.bytes[link + k] = 0 }
    guard offset >= 8, !second.entries.isEmpty else { return }
    hadThumbnail = true
    func value(_ tag: Int) -> Int? {
      second.entries.first { $0.tag == tag }.map { tiff.number($0.field, $0.type == 3 ? 2 : 4) }
    }
    // The thumbnail is a JPEG, or one strip of uncompressed pixels.
    let images = [(0x0201, 0x0202), (0x0111, 0x0117)].compactMap { place, count -> Range<Int>? in
      guard let start = value(place), let count = value(count), start <= bytes.count else { return nil }
      return start..<min(bytes.count, start + count)
    }
    for place in images + [offset..<min(second.end + 4, bytes.count)] where isAllowed(place) {
      // The place before may have been removed from the end of the bytes.
      let place = place.clamped(to: 0..<bytes.count)
      for i in place { tiff.bytes[i] = 0 }
      if place.upperBound == bytes.count { tiff.bytes.removeSubrange(place) }
    }
  }
}
