extension ImageDescription {
  /// Reads the headers of an image, and decodes nothing.
  ///
  /// Metadata are found in a JPEG before the first scan, and in a PNG before and after the image data, where ExifTool writes them. In a
  /// pipe, only those before the image data are found.
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
