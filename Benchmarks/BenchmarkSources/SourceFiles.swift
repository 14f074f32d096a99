import Foundation
import ImagePreparation

/// The images that are measured: those of the folder `GESSO_CORPUS`, else the photographs among the fixtures.
public enum SourceFiles {
  /// Paths of JPEG and PNG files, in the order of their names.
  public static let all: [String] = {
    if let corpus = ProcessInfo.processInfo.environment["GESSO_CORPUS"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: corpus)) ?? []
      let images = names.filter { $0.hasSuffix(".jpg") || $0.hasSuffix(".png") }.sorted()
      precondition(!images.isEmpty, "GESSO_CORPUS=\(corpus) holds no .jpg or .png")
      return images.map { "\(corpus)/\($0)" }
    }
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
    return ["jpeg/forest.jpg", "jpeg/meadow-progressive.jpg", "png/art-rgb8.png", "png/soft-alpha-rgba8.png"]
      .map { fixtures.appending(path: $0).path }
  }()

  /// The last part of a path.
  public static func name(_ path: String) -> String { URL(filePath: path).lastPathComponent }

  /// The pixels of one file at full size.
  public static func pixels(_ path: String) throws -> PixelImage<UInt8> {
    try ImagePreparer().pixelsBlocking(of: .file(path), as: Recipe(size: .original))
  }
}
