/// A directory of a TIFF or BigTIFF in a source (TIFF 6.0, section 2; BigTIFF has numbers of 8 bytes).
///
/// Bytes may be hostile: nothing is allocated for a count before the bytes are known to be there.
struct TIFFDirectory {
  /// An entry, whose values are at `place`.
  struct Entry {
    let tag: Int
    let type: Int
    let count: Int
    let place: Int
  }

  /// The order and the size of the numbers of a file.
  struct Form {
    let isLittleEndian: Bool
    let isLarge: Bool
    /// The offset of the first directory.
    let first: Int

    init(_ bytes: borrowing ByteReader) throws(ReadFault) {
      guard let head = bytes.copy(at: 0, count: 8) else { throw .truncated }
      isLittleEndian = head[0] == 0x49
      isLarge = head[isLittleEndian ? 2 : 3] == 43
      let order = isLittleEndian
      if isLarge {
        guard let rest = bytes.copy(at: 8, count: 8) else { throw .truncated }
        first = Self.number(rest[...], order)
      } else {
        first = Self.number(head[4..<8], order)
      }
    }

    func number(_ bytes: ArraySlice<UInt8>) -> Int { Self.number(bytes, isLittleEndian) }

    /// A number of up to eight bytes. One that is too large for `Int` becomes the largest `Int`.
    private static func number(_ bytes: ArraySlice<UInt8>, _ isLittleEndian: Bool) -> Int {
      var value: UInt64 = 0
      for place in 0..<bytes.count {
        value = value << 8 | UInt64(bytes[isLittleEndian ? bytes.endIndex - 1 - place : bytes.startIndex + place])
      }
      return Int(clamping: value)
    }
  }

  let form: Form
  let entries: [Entry]
  /// The offset of the next directory; 0 for none.
  let next: Int

  /// Bytes of a value of each type.
  private static let valueBytes = [
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
  ]

  init(at offset: Int, of form: Form, _ bytes: borrowing ByteReader) throws(ReadFault) {
    self.form = form
    let (countBytes, entryBytes, fieldBytes) = form.isLarge ? (8, 20, 8) : (2, 12, 4)
    guard offset >= 8 else { throw .corrupt("a directory at byte \(offset)") }
    guard let counted = bytes.copy(at: offset, count: countBytes) else { throw .truncated }
    let count = form.number(counted[...])
    guard (1...65_535).contains(count) else { throw .corrupt("a directory of \(count) entries") }
    let start = offset + countBytes
    guard let table = bytes.copy(at: start, count: count * entryBytes) else { throw .truncated }
    var entries: [Entry] = []
    for at in stride(from: 0, to: table.count, by: entryBytes) {
      let type = form.number(table[at + 2..<at + 4])
      let count = form.number(table[at + 4..<at + 4 + fieldBytes])
      let field = table[at + 4 + fieldBytes..<at + entryBytes]
      let size = Self.valueBytes[type] ?? 1
      let isInside = count <= fieldBytes / size
      entries.append(
        Entry(
          tag: form.number(table[at..<at + 2]), type: type, count: count,
          place: isInside ? start + at + 4 + fieldBytes : form.number(field)))
    }
    self.entries = entries
    // Some files end before the offset of the next directory.
    next = bytes.copy(at: start + table.count, count: fieldBytes).map { form.number($0[...]) } ?? 0
  }

  /// The first entry with a tag, which is the one that libtiff takes.
  func entry(_ tag: Int) -> Entry? { entries.first { $0.tag == tag } }

  /// The bytes of an entry's values; nil if they are not there or more than `most`.
  func value(_ entry: Entry, most: Int, _ bytes: borrowing ByteReader) -> [UInt8]? {
    guard let size = Self.valueBytes[entry.type], entry.count > 0, entry.count <= most / size else { return nil }
    return bytes.copy(at: entry.place, count: entry.count * size)
  }

  /// The unsigned integers of an entry; nil for another type, and if there are none or more than 65,536.
  func numbers(_ tag: Int, _ bytes: borrowing ByteReader) -> [Int]? {
    guard let entry = entry(tag), [1, 3, 4, 13, 16, 18].contains(entry.type), entry.count <= 1 << 16,
      let size = Self.valueBytes[entry.type], let value = value(entry, most: 1 << 19, bytes)
    else { return nil }
    return stride(from: 0, to: value.count, by: size).map { form.number(value[$0..<$0 + size]) }
  }

  /// The first of ``numbers(_:_:)``.
  func number(_ tag: Int, _ bytes: borrowing ByteReader) -> Int? { numbers(tag, bytes)?.first }
}
