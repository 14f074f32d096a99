public import Foundation

/// Where tests write: a folder of this process, which goes with everything in it when the process ends.
public enum TestFolder {
  /// The folder; it exists.
  public static let url: URL = {
    let url = FileManager.default.temporaryDirectory.appending(path: "gesso-tests-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    // A folder that could not be made fails the first test that writes into it.
    atexit { try? FileManager.default.removeItem(at: TestFolder.url) }
    return url
  }()
}
