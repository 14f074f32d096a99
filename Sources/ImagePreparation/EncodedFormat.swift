/// The formats that can be encoded.
public enum EncodedFormat: String, Sendable, CaseIterable {
  /// JPEG.
  case jpeg
  /// PNG.
  case png
}
