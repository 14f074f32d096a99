import Foundation

/// The path of the real `gesso-decode`: the one that `GESSO_DECODE` names, or the one that Scripts/test builds; nil if there is none.
public let decodeHelper: String? = {
  let built = Fixtures.folder.deletingLastPathComponent().appending(path: ".build/heif/release/gesso-decode").path
  let path = ProcessInfo.processInfo.environment["GESSO_DECODE"] ?? built
  return FileManager.default.isExecutableFile(atPath: path) ? path : nil
}()
