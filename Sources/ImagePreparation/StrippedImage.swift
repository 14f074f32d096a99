/// A file without its metadata.
public struct StrippedImage: Sendable, Equatable {
  /// The file.
  public let bytes: [UInt8]
  /// Its format, which is the source's.
  public let format: EncodedFormat
  /// The kinds of metadata that were left out, in the order of the file, for example `EXIF`; empty if there were none.
  public let removed: [String]
  /// True when the metadata contained a position: the source's ``ImageDescription/hasGPS``.
  public let hadGPS: Bool
}
