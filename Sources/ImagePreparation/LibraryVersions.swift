internal import CImageCodecs
internal import CLittleCMS

/// Versions of the C libraries that process images, for reports about an installation.
public struct LibraryVersions: Sendable, Equatable {
  /// libpng, as loaded.
  public let libpng: String
  /// libjpeg-turbo at compile time; the library has no version at run time.
  public let libjpegTurbo: String
  /// Little CMS, as loaded.
  public let littleCMS: String
  /// ISA-L at compile time; the library has no version at run time.
  public let isal: String

  /// libwebp, as opened when it is first used; nil if it is not installed.
  public static var libwebp: String? { text(cic_webp_version()) }

  /// libtiff, as opened when it is first used; nil if it is not installed.
  public static var libtiff: String? { text(cic_tiff_version()) }

  /// The text of a version that has a byte for each number; nil for 0.
  private static func text(_ version: Int32) -> String? {
    version == 0 ? nil : "\(version >> 16).\(version >> 8 & 255).\(version & 255)"
  }

  /// The versions of this process.
  public static var current: LibraryVersions {
    // 2140 is 2.14, 2161 is 2.16.1.
    let cms = Int(cmsGetEncodedCMMversion())
    let patch = cms % 10
    return unsafe LibraryVersions(
      libpng: String(cString: cic_libpng_version()),
      libjpegTurbo: String(cString: cic_libjpeg_turbo_version()),
      littleCMS: "\(cms / 1000).\(cms / 10 % 100)" + (patch == 0 ? "" : ".\(patch)"),
      isal: String(cString: cic_isal_version()))
  }
}
