internal import Foundation

/// Folders for results.
enum Folder {
  /// Makes a folder and those above it; one that exists is fine.
  static func make(_ path: String) throws(CommandError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      var isFolder: ObjCBool = false
      let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      throw CommandError(
        "write-failed", stage: "write",
        exists && !isFolder.boolValue ? "\(path) is a file" : "cannot make the folder \(path)",
        remedy: "name a folder that can be written", status: .cannotWrite)
    }
  }
}
