public import Foundation

/// The folder in which the tests of this process write. It is removed when the process ends.
public enum TestFolder {
  /// The folder; it exists.
  public static let url: URL = {
    let url = FileManager.default.temporaryDirectory.appending(path: "gesso-tests-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    // If the folder could not be made, the first test that writes into it fails.
    atexit { try? FileManager.default.removeItem(at: TestFolder.url) }
    return url
  }()
}
