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

/// The properties of each format. Plans ask only here, so that a new format is added in one place.
extension EncodedFormat {
  /// True if pixels may be transparent.
  package var holdsAlpha: Bool {
    switch self {
    case .png, .webp: true
    case .jpeg: false
    }
  }

  /// True if samples may have 16 bits.
  package var holdsSixteenBits: Bool {
    switch self {
    case .png: true
    case .jpeg, .webp: false
    }
  }

  /// True if pixels may have one channel of color, and so a profile of gray.
  package var holdsGray: Bool {
    switch self {
    case .jpeg, .png: true
    case .webp: false
    }
  }
}
