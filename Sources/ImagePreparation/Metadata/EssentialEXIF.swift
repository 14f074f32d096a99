/// A TIFF structure with nothing but what changes how an image is shown: its orientation, and the colors that EXIF declares (CIPA
/// DC-008-2023, 4.6; DCF 2.0, CIPA DC-009, 5.2).
struct EssentialEXIF {
  /// The structure; nil where nothing has to be declared.
  let bytes: [UInt8]?

  /// Makes the structure.
  ///
  /// - Parameters:
  ///   - orientation: 1 to 8; upright is left out.
  ///   - color: What EXIF declares about the colors; nil for nothing. sRGB is left out, which is what a file without a declaration has.
  init(orientation: Orientation, color: EXIFColor?) {
    var first: [Entry] = []
    if orientation != .upright { first.append(Entry(0x0112, shorts: [orientation.rawValue])) }
    var photo: [Entry] = []
    switch color?.declaration {
    case .srgb, nil: break
    case .adobeRGB:
      photo = [Entry(0xA001, shorts: [0xFFFF]), Entry(0xA005, directory: [Entry(0x0001, text: "R03")])]
    case .described:
      if let gamma = color?.gamma { photo.append(Entry(0xA500, ratios: [gamma])) }
      if let points = color?.chromaticities {
        func xy(_ points: PNGColor.Chromaticity...) -> [Double] { points.flatMap { [$0.x, $0.y] } }
        first.append(Entry(0x013E, ratios: xy(points.white)))
        first.append(Entry(0x013F, ratios: xy(points.red, points.green, points.blue)))
      }
    }
    if !photo.isEmpty { first.append(Entry(0x8769, directory: photo)) }
    // Big endian; the first directory follows the header.
    bytes = first.isEmpty ? nil : Array("MM\0*".utf8) + Self.number(8, 4) + Self.directory(first, at: 8)
  }

  /// One entry of a directory (TIFF 6.0, section 2).
  private struct Entry {
    let tag: Int
    let type: Int
    let count: Int
    var value: [UInt8] = []
    var directory: [Entry] = []

    init(_ tag: Int, shorts: [Int]) {
      (self.tag, type, count) = (tag, 3, shorts.count)
      value = shorts.flatMap { EssentialEXIF.number($0, 2) }
    }

    init(_ tag: Int, text: String) {
      value = Array(text.utf8) + [0]
      (self.tag, type, count) = (tag, 2, value.count)
    }

    init(_ tag: Int, ratios: [Double]) {
      (self.tag, type, count) = (tag, 5, ratios.count)
      value = ratios.flatMap {
        EssentialEXIF.number(Int(($0 * 1_000_000).rounded()), 4) + EssentialEXIF.number(1_000_000, 4)
      }
    }

    init(_ tag: Int, directory: [Entry]) {
      (self.tag, type, count) = (tag, 4, 1)
      self.directory = directory
    }
  }

  /// A directory at an offset of the structure, followed by the values that do not fit into its entries.
  private static func directory(_ entries: [Entry], at start: Int) -> [UInt8] {
    var table = number(entries.count, 2)
    var behind: [UInt8] = []
    let end = start + 2 + 12 * entries.count + 4
    for entry in entries {
      table += number(entry.tag, 2) + number(entry.type, 2) + number(entry.count, 4)
      let value = entry.directory.isEmpty ? entry.value : directory(entry.directory, at: end + behind.count)
      if entry.directory.isEmpty, value.count <= 4 {
        table += value + [UInt8](repeating: 0, count: 4 - value.count)
      } else {
        table += number(end + behind.count, 4)
        // Values begin at even offsets.
        behind += value + (value.count % 2 == 0 ? [] : [0])
      }
    }
    return table + number(0, 4) + behind
  }

  fileprivate static func number(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
  }
}
