extension ImagePreparer {
  /// The kinds of file that can be decoded on this machine: all, but for those whose library or helper is not there.
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
  /// - Returns: Its version of libheif and the decoders, in one line.
  /// - Throws: A ``PreparationError``; `unsupportedFormat` where there is no helper.
  public func helperReport() throws(PreparationError) -> String {
    do throws(HelperFault) {
      guard let none = SharedMemory() else { throw .refused(.outOfMemory, "") }
      return try HelperProcess(limits: limits, file: none, cancellation: nil).check()
    } catch {
      throw HelperFaults(HEICKind.self, limits).checkFailure(error)
    }
  }
}
