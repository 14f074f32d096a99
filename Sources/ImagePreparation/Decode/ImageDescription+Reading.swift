extension ImageDescription {
  /// Reads the headers of an image, and decodes nothing.
  ///
  /// EXIF, XMP and text are found where the formats want them: in a JPEG before the first scan, in a PNG before the image data.
  /// Of a PNG that is no pipe they are found also among its last chunks, behind the image data, where ExifTool puts them.
  /// - Parameters:
  ///   - source: A path, a descriptor or bytes.
  ///   - maxPixels: Refuses larger images; by default none, since no pixel is read.
  ///   - cancellation: Raise it from another thread to stop.
  /// - Throws: A ``PreparationError`` of stage `open` (`notFound`, `unreadable`, `empty`, `notAnImage`,
  ///   `unsupportedFormat`) or `decode` (`truncated` or `corrupt` headers, `unsupportedFeature`, `limitExceeded`).
  public static func read(
    from source: ImageSource, maxPixels: Int = .max, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> ImageDescription {
    var limits = DecodingLimits()
    limits.maxPixels = maxPixels
    return try SourceDecoder(opening: source, limits: limits, cancellation: cancellation).description
  }
}
