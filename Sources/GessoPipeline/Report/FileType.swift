package import ImagePreparation

extension ImageDescription.Format {
  /// What files of this format are called.
  package var fileExtension: String {
    switch self {
    case .jpeg: "jpg"
    case .png: "png"
    }
  }

  /// The media type (IANA).
  package var mimeType: String { "image/\(rawValue)" }
}

/// What result files are called.
enum FileType {
  /// The extension for a media type the service may answer with; `bin` for what is no image.
  static func fileExtension(ofMimeType type: String) -> String {
    let type = type.lowercased()
    if type == "image/jpeg" { return "jpg" }
    guard type.hasPrefix("image/") else { return "bin" }
    // "image/svg+xml" is called svg; nothing that could leave the folder gets through.
    let name = type.dropFirst(6).prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(8)
    return name.isEmpty ? "bin" : String(name)
  }

  /// The media type of a file by its extension, the other way round.
  static func mimeType(ofExtension name: String) -> String {
    switch name {
    case "jpg": "image/jpeg"
    case "bin": "application/octet-stream"
    case "svg": "image/svg+xml"
    default: "image/\(name)"
    }
  }
}
