/// A TIFF structure of EXIF (TIFF 6.0; CIPA DC-008-2023, 4.5): a header, and directories of entries of 12 bytes.
///
/// Bytes may be hostile: every place is checked, and no chain of directories is followed.
struct TIFFStructure {
  /// The structure from the byte order mark on.
  var bytes: [UInt8]
  /// The order of the bytes of a number.
  let isLittleEndian: Bool

  /// Bytes of a value of each type (TIFF 6.0, section 2).
  private static let valueBytes = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8]

  /// An entry of a directory.
  struct Entry {
    let tag: Int
    let type: Int
    let count: Int
    /// The offset of a field of 4 bytes. It contains the values if they fit into it, otherwise the offset of the values.
    let field: Int
  }

  /// Opens a structure; nil if the bytes are not one.
  init?(_ bytes: [UInt8]) {
    guard EXIFReader(bytes.span).isReadable else { return nil }
    self.bytes = bytes
    isLittleEndian = bytes[0] == 0x49
  }

  /// An unsigned number; 0 outside the bytes.
  func number(_ offset: Int, _ size: Int) -> Int {
    guard offset >= 0, offset <= bytes.count - size else { return 0 }
    return (0..<size).reduce(0) { sum, k in sum << 8 | Int(bytes[offset + (isLittleEndian ? size - 1 - k : k)]) }
  }

  /// The first directory.
  var first: (entries: [Entry], end: Int) { directory(at: number(4, 4)) }

  /// The entries of a directory that lie in the bytes, and the offset after them.
  func directory(at offset: Int) -> (entries: [Entry], end: Int) {
    guard offset >= 8, offset <= bytes.count - 2 else { return ([], bytes.count) }
    let count = min(number(offset, 2), (bytes.count - offset - 2) / 12)
    let entries = (0..<count).map { index in
      let at = offset + 2 + index * 12
      return Entry(tag: number(at, 2), type: number(at + 2, 2), count: number(at + 4, 4), field: at + 8)
    }
    return (entries, offset + 2 + count * 12)
  }

  /// The entries of the directory that an entry of `directory` points to.
  func entries(behind tag: Int, in directory: [Entry]) -> [Entry] {
    directory.first { $0.tag == tag }.map { self.directory(at: number($0.field, 4)).entries } ?? []
  }

  /// The bytes of an entry's values; nil if they are not in the structure.
  func place(of entry: Entry) -> Range<Int>? {
    values(of: entry).map { $0.start..<$0.start + $0.size * entry.count }
  }

  /// The place of an entry's first value, and the size of each; nil if they are not in the structure.
  private func values(of entry: Entry) -> (start: Int, size: Int)? {
    guard let size = Self.valueBytes[entry.type], entry.count > 0, entry.count <= bytes.count / size else { return nil }
    let start = size * entry.count <= 4 ? entry.field : number(entry.field, 4)
    return start >= 8 && start <= bytes.count - size * entry.count ? (start, size) : nil
  }

  /// The values of an entry of unsigned integers or fractions; nil for any other, and for a division by 0.
  func numbers(of entry: Entry) -> [Double]? {
    guard [1, 3, 4, 5].contains(entry.type), let (start, size) = values(of: entry) else { return nil }
    var values: [Double] = []
    for at in stride(from: start, to: start + size * entry.count, by: size) {
      guard entry.type == 5 else {
        values.append(Double(number(at, size)))
        continue
      }
      let divisor = number(at + 4, 4)
      guard divisor > 0 else { return nil }
      values.append(Double(number(at, 4)) / Double(divisor))
    }
    return values
  }

  /// The text of an entry up to its first zero; nil for an entry of another type.
  func text(of entry: Entry) -> String? {
    guard entry.type == 2, let (start, _) = values(of: entry) else { return nil }
    return String(decoding: bytes[start..<start + entry.count].prefix { $0 != 0 }, as: UTF8.self)
  }
}
