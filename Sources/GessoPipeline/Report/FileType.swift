package import ImagePreparation

extension EncodedFormat {
  /// The extensions of files of this format in lower case. Files that are written have the first one.
  package var fileExtensions: [String] { source.fileExtensions }

  /// The extension of a file of this format that is written.
  package var fileExtension: String { source.fileExtension }

  /// The media type (IANA).
  package var mimeType: String { "image/\(rawValue)" }

  /// This format as a kind of source.
  private var source: ImageDescription.Format {
    switch self {
    case .jpeg: .jpeg
    case .png: .png
    case .webp: .webp
    }
  }
}

extension ImageDescription.Format {
  /// The extensions of files of this kind in lower case. Files that are written have the first one.
  package var fileExtensions: [String] {
    switch self {
    case .jpeg: ["jpg", "jpeg"]
    case .psd: ["psd", "psb"]
    case .tiff: ["tiff", "tif"]
    case .heic: ["heic", "heif", "hif"]
    case .png, .bmp, .tga, .gif, .webp, .avif: [rawValue]
    }
  }

  /// The extension of a file of this kind that is written.
  var fileExtension: String { fileExtensions[0] }

  /// True for kinds that the service takes as they are.
  package var isTakenByService: Bool {
    switch self {
    case .jpeg, .png, .gif, .webp, .tiff, .heic, .avif: true
    case .bmp, .tga, .psd: false
    }
  }
}

/// Media types and extensions of result files.
enum FileType {
  /// The extension for a media type of the service; `bin` for a type that is not one of images.
  static func fileExtension(ofMimeType type: String) -> String {
    let type = type.lowercased()
    if type == "image/jpeg" { return "jpg" }
    guard type.hasPrefix("image/") else { return "bin" }
    // "image/svg+xml" gives svg. Only letters and digits are kept, so that an extension cannot lead out of the folder.
    let name = type.dropFirst(6).prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(8)
    return name.isEmpty ? "bin" : String(name)
  }

  /// The media type for a file's extension, the inverse of ``fileExtension(ofMimeType:)``.
  static func mimeType(ofExtension name: String) -> String {
    switch name {
    case "jpg": "image/jpeg"
    case "bin": "application/octet-stream"
    case "svg": "image/svg+xml"
    default: "image/\(name)"
    }
  }
}
