internal import Ground

extension ImagePreparer {
  /// Removes the metadata of a JPEG, PNG or WebP without decoding its pixels: the bytes of the pixels and the tables for decoding them are
  /// copied.
  ///
  /// Everything is left out that does not describe the pixels: EXIF, XMP, IPTC, text, thumbnails, further images after the first one.
  /// The orientation and the colors that EXIF declares are written in EXIF metadata that hold nothing else.
  ///
  /// - Parameters:
  ///   - source: The file. A pipe is refused.
  ///   - keepsLook: False to leave out color profile and orientation as well, so that viewers may show something else.
  /// - Returns: The file, of about the source's size.
  /// - Throws: A ``PreparationError``; `truncated` for a file without an end, which cannot be copied as a whole;
  ///   `unsupportedFeature` for another kind of file.
  @concurrent public func stripped(_ source: ImageSource, keepsLook: Bool = true) async throws -> StrippedImage {
    try await BlockingCall.run { flag throws(PreparationError) in
      try self.strippedBlocking(source, keepsLook: keepsLook, cancellation: flag)
    }
  }

  /// Does the work of ``stripped(_:keepsLook:)`` on the calling thread. Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: The file.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func strippedBlocking(
    _ source: ImageSource, keepsLook: Bool = true, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> StrippedImage {
    try source.checkIsReadAgain(for: "stripping")
    var source = source
    if let result = try isolated(.stripped(keepsLook: keepsLook), &source, cancellation) {
      return try result.stripped()
    }
    let description = try inspectBlocking(source, cancellation: cancellation)
    guard let format = EncodedFormat(rawValue: description.format.rawValue) else {
      throw PreparationError(
        .unsupportedFeature, stage: .open,
        "only a JPEG, PNG or WebP can be stripped of its metadata, and it is a \(description.format.name)",
        remedy: "prepare it instead, which keeps none")
    }
    let stripper = try withinTime(cancellation) { flag throws(PreparationError) in
      let file = try source.bytes(limit: limits.maxMemory / 2, flag)
      return try MetadataStripper(file, as: format, of: description, keepsLook: keepsLook, cancellation: flag)
    }
    return StrippedImage(bytes: stripper.bytes, format: format, removed: stripper.removed, hadGPS: description.hasGPS)
  }
}

extension ImageSource {
  /// All bytes of a source that can be read again.
  ///
  /// - Throws: `tooMuchMemory` above the limit, `unreadable` and `canceled`.
  fileprivate func bytes(limit: Int, _ cancellation: CancellationFlag?) throws(PreparationError) -> [UInt8] {
    var bytes: [UInt8] = []
    if case .memory(let array) = self {
      bytes = array
    } else {
      var reader = ByteReader(try ByteSource(self, cancellation: cancellation))
      do throws(ReadFault) {
        try reader.append(limit + 1, to: &bytes)
      } catch {
        throw error.ofCopy
      }
    }
    guard bytes.count <= limit else {
      throw PreparationError(
        .tooMuchMemory, stage: .open, "the file takes more than \(limit >> 20) MiB, and its copy as much",
        remedy: .raise(.memory, atLeast: nil))
    }
    return bytes
  }
}
