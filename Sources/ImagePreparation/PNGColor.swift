/// The color chunks of a PNG. When there are several, the order of precedence is code points, profile, sRGB, then gamma with
/// chromaticities (PNG third edition, 4.3).
public struct PNGColor: Sendable, Equatable, Codable {
  /// Coding-independent code points (cICP; ITU-T H.273).
  public struct CodePoints: Sendable, Equatable, Codable {
    /// `ColourPrimaries`: 1 for BT.709 and sRGB, 9 for BT.2020, 12 for Display P3.
    public var primaries: Int
    /// `TransferCharacteristics`: 13 for sRGB, 16 for PQ, 18 for HLG.
    public var transfer: Int
    /// `MatrixCoefficients`: 0, because PNG holds RGB.
    public var matrix: Int
    /// True for full-range samples.
    public var isFullRange: Bool
  }

  /// A color by its CIE 1931 chromaticity.
  public struct Chromaticity: Sendable, Equatable, Codable {
    /// x.
    public var x: Double
    /// y.
    public var y: Double

    init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// White point and primaries (cHRM).
  public struct Chromaticities: Sendable, Equatable, Codable {
    /// The white point.
    public var white: Chromaticity
    /// The red primary.
    public var red: Chromaticity
    /// The green primary.
    public var green: Chromaticity
    /// The blue primary.
    public var blue: Chromaticity
  }

  /// The cICP chunk.
  public var codePoints: CodePoints?
  /// The rendering intent, 0 to 3, of an sRGB chunk.
  public var srgbIntent: Int?
  /// The encoding exponent of a gAMA chunk, for example 0.45455.
  public var gamma: Double?
  /// The cHRM chunk.
  public var chromaticities: Chromaticities?
}
