internal import Foundation
internal import GessoPipeline
internal import ImagePreparation

/// Small pictures with which an assistant can see results.
enum ToolPreview {
  /// The longest side in pixels.
  static let side = 512
  /// The largest number of bytes of one picture. Base64 adds a third to this.
  static let longest = 150_000
  /// The largest number of pictures in a result. Four pictures in base64 take 800 kB, and some clients cut results at 1 MiB.
  static let most = 4

  /// A picture of a file as the content of a result.
  static func content(of path: String) async throws -> JSONObject {
    let recipe = Recipe(
      size: .longestSide(side), background: .white,
      output: .jpeg(quality: 80, subsampling: .yuv420, budget: .bytes(longest, minQuality: 20, minSide: 64)))
    let picture = try await Environment.preparer(Environment.variables).prepare(.file(path), as: recipe)
    return ["type": "image", "mimeType": "image/jpeg", "data": Data(picture.bytes).base64EncodedString()]
  }
}
