extension ImagePreparer {
  /// The kinds of file that can be decoded on this machine: all except those whose library or helper is missing.
  public var readableFormats: [ImageDescription.Format] {
    let hasHelper = (try? helperReport()) != nil
    return ImageDescription.Format.allCases.filter { format in
      switch format {
      case .webp: LibraryVersions.libwebp != nil
      case .tiff: LibraryVersions.libtiff != nil
      case .heic, .avif: hasHelper
      case .jpeg, .png, .bmp, .tga, .gif, .psd: true
      }
    }
  }

  /// Starts the helper process, ``Limits/decodeHelper``, which installs its protections and reads no file.
  ///
  /// - Returns: The helper's version of libheif and its decoders, in one line.
  /// - Throws: A ``PreparationError``; `unsupportedFormat` if there is no helper.
  public func helperReport() throws(PreparationError) -> String {
    do throws(HelperFault) {
      guard let none = SharedMemory() else { throw .refused(.outOfMemory, "") }
      return try HelperProcess(limits: limits, file: none, cancellation: nil).check()
    } catch {
      throw HelperFaults(HEICKind.self, limits).checkFailure(error)
    }
  }
}
