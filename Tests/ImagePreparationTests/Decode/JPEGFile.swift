/// The segments of a JPEG, for tests that cut a segment out or insert one.
struct JPEGFile {
  let bytes: [UInt8]
  /// Offsets of all markers (not of restart markers), from SOI to EOI.
  let markers: [Int]
  /// The ranges of the entropy-coded data, one for each scan.
  let scans: [Range<Int>]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var markers = [0]
    var scans: [Range<Int>] = []
    var at = 2
    while at + 1 < bytes.count, bytes[at] == 0xFF {
      markers.append(at)
      if bytes[at + 1] == 0xD9 { break }
      let isScan = bytes[at + 1] == 0xDA
      at += 2 + Int(bytes[at + 2]) << 8 + Int(bytes[at + 3])
      guard isScan else { continue }
      let start = at
      while bytes[at] != 0xFF || bytes[at + 1] == 0 || (0xD0...0xD7).contains(bytes[at + 1]) { at += 1 }
      scans.append(start..<at)
    }
    (self.markers, self.scans) = (markers, scans)
  }

  /// The file with segments right after SOI.
  func inserting(_ segments: [(marker: UInt8, data: [UInt8])]) -> [UInt8] {
    let inserted = segments.flatMap { segment -> [UInt8] in
      let length = segment.data.count + 2
      return [0xFF, segment.marker, UInt8(length >> 8), UInt8(length & 0xFF)] + segment.data
    }
    return bytes[..<2] + inserted + bytes[2...]
  }
}
