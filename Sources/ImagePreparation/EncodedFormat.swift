/// The formats that can be encoded.
public enum EncodedFormat: String, Sendable, CaseIterable {
  /// JPEG.
  case jpeg
  /// PNG.
  case png
  /// WebP, over libwebp.
  case webp

  /// The name that people use.
  public var name: String { self == .webp ? "WebP" : rawValue.uppercased() }
}
