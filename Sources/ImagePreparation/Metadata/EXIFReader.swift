/// Reads the fields of EXIF that a preparation needs, from bytes that may be hostile.
///
/// EXIF is a TIFF structure (CIPA DC-008-2023, 4.5): a header, then a directory of 12-byte entries. Only the first directory is read,
/// and only its pointers to values are followed, so that no loop is possible.
struct EXIFReader: Sendable, Equatable {
  /// The first value of tag 0x0112; nil when it is missing or out of range.
  private(set) var orientation: Orientation?
  /// True when the directory points to a GPS directory (tag 0x8825).
  private(set) var hasGPS = false
  /// True when the directory holds an XMP packet (tag 0x02BC).
  private(set) var hasXMP = false
  /// The place of the orientation's value; nil without one.
  private(set) var orientationBytes: Range<Int>?
  /// True when there is a directory to read.
  private(set) var isReadable = false

  /// The structure without the prefix that a JPEG's segment has, and chunks of some PNGs.
  static func withoutPrefix(_ exif: [UInt8]) -> [UInt8] {
    exif.starts(with: "Exif\0\0".utf8) ? Array(exif.dropFirst(6)) : exif
  }

  /// The bytes of one value of each type of integers (TIFF 6.0, section 2). The orientation is a SHORT, and has other types from some
  /// writers.
  private static let integerBytes = [1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4]

  /// Reads a TIFF structure. Entries that do not fit into the bytes are ignored.
  ///
  /// - Parameter bytes: The structure from the byte order mark (`II` or `MM`) on, without JPEG's `Exif` prefix.
  init(_ bytes: borrowing Span<UInt8>) {
    guard bytes.count >= 8, bytes[0] == bytes[1], bytes[0] == 0x49 || bytes[0] == 0x4D else { return }
    let isLittleEndian = bytes[0] == 0x49
    func number(_ offset: Int, _ size: Int) -> Int {
      (0..<size).reduce(0) { sum, k in sum << 8 | Int(bytes[offset + (isLittleEndian ? size - 1 - k : k)]) }
    }
    let directory = number(4, 4)
    guard number(2, 2) == 42, directory >= 8, directory <= bytes.count - 2 else { return }
    isReadable = true
    let fitting = (bytes.count - directory - 2) / 12
    for index in 0..<min(number(directory, 2), fitting) {
      let entry = directory + 2 + index * 12
      switch number(entry, 2) {
      case 0x0112:
        let count = number(entry + 4, 4)
        guard let size = Self.integerBytes[number(entry + 2, 2)], count > 0, orientationBytes == nil else { break }
        // Values of up to 4 bytes are at the left of their field, and longer ones elsewhere.
        let start = size * count <= 4 ? entry + 8 : number(entry + 8, 4)
        guard start >= 8, start + size <= bytes.count else { break }
        orientationBytes = start..<start + size
        orientation = Orientation(rawValue: number(start, size))
      case 0x8825: hasGPS = true
      case 0x02BC: hasXMP = true
      default: break
      }
    }
  }
}
