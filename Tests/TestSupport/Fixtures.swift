public import Foundation

/// The files under `Fixtures/` that tests read.
public enum Fixtures {
  /// The folder itself, found by the path that this source file had when it was compiled.
  public static let folder: URL = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures", directoryHint: .isDirectory)

  /// The path of one file, for example `jpeg/forest.jpg`.
  public static func path(_ name: String) -> String { folder.appending(path: name).path }

  /// The files of a folder, for example `kinds/bmp/bits1.bmp`, in the order of their names.
  public static func names(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []
    return names.sorted().map { "\(folder)/\($0)" }
  }

  /// The bytes of one file.
  public static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }
}
