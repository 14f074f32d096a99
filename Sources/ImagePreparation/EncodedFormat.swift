/// The formats that can be encoded.
public enum EncodedFormat: String, Sendable, CaseIterable, Codable {
  /// JPEG.
  case jpeg
  /// PNG.
  case png
  /// WebP, over libwebp.
  case webp

  /// The name that people use.
  public var name: String { self == .webp ? "WebP" : rawValue.uppercased() }
}

/// What a file of a format can hold. Plans ask here, so that a new format is decided in one place.
extension EncodedFormat {
  /// True where pixels may be transparent.
  package var holdsAlpha: Bool {
    switch self {
    case .png, .webp: true
    case .jpeg: false
    }
  }

  /// True where samples may have 16 bits.
  package var holdsSixteenBits: Bool {
    switch self {
    case .png: true
    case .jpeg, .webp: false
    }
  }

  /// True where pixels may have one channel of color, and so a profile of gray.
  package var holdsGray: Bool {
    switch self {
    case .jpeg, .png: true
    case .webp: false
    }
  }
}
