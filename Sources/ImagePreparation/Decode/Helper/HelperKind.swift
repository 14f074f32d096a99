/// A kind of file that is decoded in a helper process.
protocol HelperKind {
  /// The kind.
  static var format: ImageDescription.Format { get }
  /// A command that converts a file of this kind; the words `FILE` and `out.png` stand for the paths.
  static var converter: String { get }
  /// A package with a decoder, for a libheif that has none.
  static var decoderPackage: String { get }
}

/// HEIC, and HEIF in general (ISO/IEC 23008-12).
enum HEICKind: HelperKind {
  static let format = ImageDescription.Format.heic
  static let converter = "heif-convert FILE out.png"
  static let decoderPackage = "libheif-plugin-libde265"
}

/// AVIF (AV1 Image File Format).
enum AVIFKind: HelperKind {
  static let format = ImageDescription.Format.avif
  static let converter = "avifdec FILE out.png"
  static let decoderPackage = "libheif-plugin-dav1d"
}
