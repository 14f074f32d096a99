/// The name of an ICC profile: its `desc` tag (ICC.1:2022, 9.2.41), from bytes that may be hostile.
enum ICCProfileName {
  /// The description of a profile, or nil when it has none that can be read.
  ///
  /// - Parameter profile: A whole profile. Version 2 keeps the name as ASCII (`desc`), version 4 as UTF-16 in several
  ///   languages (`mluc`), of which English is taken, else the first.
  static func read(_ profile: [UInt8]) -> String? {
    func number(_ offset: Int, _ size: Int = 4) -> Int? {
      guard offset >= 0, offset <= profile.count - size else { return nil }
      return profile[offset..<offset + size].reduce(0) { $0 << 8 | Int($1) }
    }
    func slice(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
      guard offset >= 0, count >= 0, count <= profile.count, offset <= profile.count - count else { return nil }
      return profile[offset..<offset + count]
    }
    func signature(_ offset: Int) -> String? { slice(offset, 4).map { String(decoding: $0, as: UTF8.self) } }

    guard let tagCount = number(128) else { return nil }
    let entries = (0..<min(tagCount, 200)).lazy.map { 132 + $0 * 12 }
    guard let entry = entries.first(where: { signature($0) == "desc" }), let tag = number(entry + 4) else { return nil }
    var name: String?
    switch signature(tag) {
    case "desc":
      name = number(tag + 8).flatMap { slice(tag + 12, $0) }.map {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
    case "mluc":
      guard let count = number(tag + 8), let recordSize = number(tag + 12), recordSize >= 12 else { return nil }
      let records = (0..<min(count, 200)).map { tag + 16 + $0 * recordSize }
      let english = records.first { number($0, 2) == 0x656E }
      guard let record = english ?? records.first, let length = number(record + 4), let offset = number(record + 8),
        let text = slice(tag + offset, length & ~1)
      else { return nil }
      let units = stride(from: text.startIndex, to: text.endIndex, by: 2).map {
        UInt16(text[$0]) << 8 | UInt16(text[$0 + 1])
      }
      name = String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
    default: break
    }
    return name?.isEmpty == false ? name : nil
  }
}
