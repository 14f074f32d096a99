/// Text as a terminal shows it, in columns.
package enum TerminalText {
  /// The columns that a text takes.
  package static func columns(of text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + columns(of: $1) } }

  /// Cuts the middle out of a text that takes more than `columns`, because names differ at their beginning and figures are at the end.
  package static func shortened(_ text: String, to columns: Int) -> String {
    guard self.columns(of: text) > columns else { return text }
    let room = columns - 1
    var (start, end) = (Substring(), Substring())
    var (startColumns, endColumns) = (0, 0)
    for index in text.indices {
      let width = self.columns(of: String(text[index]))
      guard startColumns + width <= (room + 1) / 2 else { break }
      startColumns += width
      start = text[...index]
    }
    for index in text.indices.reversed() {
      let width = self.columns(of: String(text[index]))
      guard endColumns + width <= room - startColumns else { break }
      endColumns += width
      end = text[index...]
    }
    return "\(start)…\(end)"
  }

  /// Two columns for wide East Asian scalars (Unicode Standard Annex 11, by blocks), none for combining marks.
  private static func columns(of scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF,
      0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
