internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// The compiler and the libraries of this program, for `--version` and `gesso doctor`.
enum BuiltIn {
  /// The names and versions of the libraries that the program is linked to.
  static var linked: [(name: String, version: String)] {
    let images = LibraryVersions.current
    return [
      ("libpng", images.libpng), ("libjpeg-turbo", images.libjpegTurbo), ("lcms2", images.littleCMS),
      ("isa-l", images.isal), ("sqlite", Ledger.libraryVersion),
    ]
  }

  /// The names of libraries and programs that are opened or started when they are first needed.
  static var opened: [String] {
    #if os(Linux)
    ["libwebp", "libtiff", "libcurl", "gesso-decode"]
    #else
    ["libwebp", "libtiff"]
    #endif
  }

  /// The output of `--version`. Scripts read its first line. It opens no library, so it has no versions of libraries that are opened when
  /// needed; `gesso doctor` prints those.
  static var versionText: String {
    """
    gesso \(Version.current)
    built with \(Version.compiler)
    linked to \(linked.map { "\($0.name) \($0.version)" }.joined(separator: ", "))
    opened when needed: \(opened.joined(separator: ", "))
    """
  }
}
