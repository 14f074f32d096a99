/// An entry of a directory that is written (TIFF 6.0, section 2).
struct TIFFEntry {
  let tag: Int
  let type: Int
  let count: Int
  /// The values in the byte order of the structure; empty if the entry has a directory.
  private var value: [UInt8] = []
  private var directory: [TIFFEntry] = []

  init(_ tag: Int, shorts: [Int]) {
    (self.tag, type, count) = (tag, 3, shorts.count)
    value = shorts.flatMap { Self.number($0, 2, false) }
  }

  init(_ tag: Int, text: String) {
    value = Array(text.utf8) + [0]
    (self.tag, type, count) = (tag, 2, value.count)
  }

  init(_ tag: Int, ratios: [Double]) {
    (self.tag, type, count) = (tag, 5, ratios.count)
    value = ratios.flatMap {
      Self.number(Int(($0 * 1_000_000).rounded()), 4, false) + Self.number(1_000_000, 4, false)
    }
  }

  init(_ tag: Int, directory: [TIFFEntry]) {
    (self.tag, type, count) = (tag, 4, 1)
    self.directory = directory
  }

  /// An entry with the values of another structure of the same byte order.
  init(_ tag: Int, type: Int, count: Int, value: [UInt8]) {
    (self.tag, self.type, self.count, self.value) = (tag, type, count, value)
  }

  /// A structure of one directory and those in it. With `isLittleEndian`, the values of the entries must be in this order already.
  static func structure(_ entries: [TIFFEntry], isLittleEndian: Bool = false) -> [UInt8] {
    Array((isLittleEndian ? "II*\0" : "MM\0*").utf8) + number(8, 4, isLittleEndian)
      + directory(entries, at: 8, isLittleEndian)
  }

  /// A directory at an offset of the structure, followed by the values that do not fit into its entries.
  private static func directory(_ entries: [TIFFEntry], at start: Int, _ isLittleEndian: Bool) -> [UInt8] {
    var table = number(entries.count, 2, isLittleEndian)
    var behind: [UInt8] = []
    let end = start + 2 + 12 * entries.count + 4
    for entry in entries {
      table += number(entry.tag, 2, isLittleEndian) + number(entry.type, 2, isLittleEndian)
      table += number(entry.count, 4, isLittleEndian)
      let value =
        entry.directory.isEmpty ? entry.value : directory(entry.directory, at: end + behind.count, isLittleEndian)
      if entry.directory.isEmpty, value.count <= 4 {
        table += value + [UInt8](repeating: 0, count: 4 - value.count)
      } else {
        table += number(end + behind.count, 4, isLittleEndian)
        // Values begin at even offsets.
        behind += value + (value.count % 2 == 0 ? [] : [0])
      }
    }
    return table + number(0, 4, isLittleEndian) + behind
  }

  private static func number(_ value: Int, _ count: Int, _ isLittleEndian: Bool) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (isLittleEndian ? $0 : count - 1 - $0))) }
  }
}
