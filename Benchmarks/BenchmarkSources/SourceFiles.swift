import Foundation
import ImagePreparation

/// The images that are measured: those of the folder `GESSO_CORPUS`, or without that variable a large photograph and the photographs among
/// the fixtures.
public enum SourceFiles {
  /// Paths of JPEG and PNG files. Those of `GESSO_CORPUS` are in the order of their names; otherwise the large photograph is first.
  public static let all: [String] = {
    if let corpus = ProcessInfo.processInfo.environment["GESSO_CORPUS"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: corpus)) ?? []
      let images = names.filter { $0.hasSuffix(".jpg") || $0.hasSuffix(".png") }.sorted()
      precondition(!images.isEmpty, "GESSO_CORPUS=\(corpus) holds no .jpg or .png")
      return images.map { "\(corpus)/\($0)" }
    }
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
    let paths = ["jpeg/forest.jpg", "jpeg/meadow-progressive.jpg", "png/art-rgb8.png", "png/soft-alpha-rgba8.png"]
      .map { fixtures.appending(path: $0).path }
    return [large(paths[0])] + paths
  }()

  /// A JPEG of 22 megapixels in the folder of temporary files. It repeats one photograph nine times, so that it has the detail of a
  /// photograph.
  private static func large(_ path: String) -> String {
    do {
      let tile = try pixels(path)
      let (size, rowBytes) = (tile.size, tile.size.width * tile.channels)
      var samples: [UInt8] = []
      samples.reserveCapacity(9 * tile.samples.count)
      for y in 0..<3 * size.height {
        let row = tile.samples[(y % size.height) * rowBytes..<(y % size.height + 1) * rowBytes]
        for _ in 0..<3 { samples += row }
      }
      let photograph = PixelImage(
        size: ImageSize(width: 3 * size.width, height: 3 * size.height), channels: tile.channels, samples: samples)
      let url = FileManager.default.temporaryDirectory.appending(path: "gesso-benchmark-22mp.jpg")
      try Data(try ImagePreparer().encodeJPEGBlocking(photograph)).write(to: url, options: .atomic)
      return url.path
    } catch {
      fatalError("no large photograph: \(error)")
    }
  }

  /// The last part of a path.
  public static func name(_ path: String) -> String { URL(filePath: path).lastPathComponent }

  /// The pixels of one file at full size.
  public static func pixels(_ path: String) throws -> PixelImage<UInt8> {
    try ImagePreparer().pixelsBlocking(of: .file(path), as: Recipe(size: .original))
  }
}
