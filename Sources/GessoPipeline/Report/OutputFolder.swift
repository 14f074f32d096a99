internal import Foundation
package import ImagePreparation

/// The folder that results and prepared images go to.
package enum OutputFolder {
  /// Makes a folder and its parents, or checks that an existing folder can be written to.
  package static func make(_ path: String) throws(PreparationError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw refusal(Occupant(path) == .file ? "\(path) is a file" : "cannot make the folder \(path)")
    }
    guard FileManager.default.isWritableFile(atPath: path) else {
      throw refusal("the folder \(path) cannot be written")
    }
  }

  private static func refusal(_ message: String) -> PreparationError {
    PreparationError(.writeFailed, stage: .write, message, remedy: "name a folder that can be written")
  }
}
