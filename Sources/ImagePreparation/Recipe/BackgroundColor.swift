/// An opaque sRGB color.
public struct BackgroundColor: Sendable, Hashable {
  /// Red, 0 to 255.
  public var red: UInt8
  /// Green, 0 to 255.
  public var green: UInt8
  /// Blue, 0 to 255.
  public var blue: UInt8

  /// Makes a color from its channels.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// Reads `#RRGGBB` (the number sign may be missing); nil for anything else.
  public init?(hex text: String) {
    let digits = text.hasPrefix("#") ? text.dropFirst() : text[...]
    guard digits.utf8.count == 6, digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16) else {
      return nil
    }
    self.init(red: UInt8(value >> 16), green: UInt8(value >> 8 & 0xFF), blue: UInt8(value & 0xFF))
  }

  /// Reads a color of CSS: `#RRGGBB` or `#RGB` (the number sign may be missing), or one of the 16 basic names, `grey`, `cyan`, `magenta`
  /// and `orange` (CSS Color Module Level 4, 5.2 and 6.1), in letters of either case; nil for anything else.
  public init?(css text: String) {
    let name = text.lowercased()
    if let value = Self.names[name] {
      self.init(red: UInt8(value >> 16), green: UInt8(value >> 8 & 0xFF), blue: UInt8(value & 0xFF))
      return
    }
    let digits = name.hasPrefix("#") ? name.dropFirst() : name[...]
    self.init(hex: digits.utf8.count == 3 ? String(digits.flatMap { [$0, $0] }) : String(digits))
  }

  private static let names: [String: UInt32] = [
    "black": 0x000000, "silver": 0xC0C0C0, "gray": 0x808080, "grey": 0x808080, "white": 0xFFFFFF, "maroon": 0x800000,
    "red": 0xFF0000, "purple": 0x800080, "fuchsia": 0xFF00FF, "magenta": 0xFF00FF, "green": 0x008000, "lime": 0x00FF00,
    "olive": 0x808000, "yellow": 0xFFFF00, "navy": 0x000080, "blue": 0x0000FF, "teal": 0x008080, "aqua": 0x00FFFF,
    "cyan": 0x00FFFF, "orange": 0xFFA500,
  ]

  /// White.
  public static let white = BackgroundColor(red: 255, green: 255, blue: 255)
}

extension BackgroundColor {
  /// `#RRGGBB`.
  package var hex: String {
    "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
  }

  /// True for black, white and the grays between.
  var isGray: Bool { red == green && green == blue }
}
