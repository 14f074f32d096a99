internal import Foundation

/// The body of `POST /assets`: a JSON object with the image as a data URL.
enum AssetUploadBody {
  /// Writes `{"name":…,"image":"data:<type>;base64,…"}` into one buffer of its final size, encoding the image straight
  /// into its place.
  ///
  /// - Throws: `invalid-request` for an empty name or image, or a media type of other characters than those of RFC 6838.
  static func encode(name: String, mimeType: String, image: [UInt8]) throws(ScenarioError) -> [UInt8] {
    func invalid(_ message: String, _ remedy: String) -> ScenarioError {
      ScenarioError(.invalidRequest, .notSent, stage: .upload, message, remedy: remedy)
    }
    guard !name.isEmpty, let quotedName = try? JSONEncoder().encode(name) else {
      throw invalid("the upload has no name", "name it like a file, for example photo.jpg")
    }
    guard !image.isEmpty else { throw invalid("the image has no bytes", "upload an image") }
    guard mimeType.wholeMatch(of: /[a-z0-9]+\/[a-z0-9.+-]+/) != nil else {
      throw invalid("the upload has no proper media type", "name one such as image/png")
    }
    let start = [UInt8](#"{"name":"#.utf8) + quotedName + [UInt8](#","image":"data:\#(mimeType);base64,"#.utf8)
    let end = [UInt8](#""}"#.utf8)
    let count = start.count + Base64.encodedCount(image.count) + end.count
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      unsafe buffer.baseAddress!.initialize(from: start, count: start.count)
      var place = unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[start.count...])
      unsafe image.withUnsafeBytes { unsafe Base64.encode($0, into: place) }
      unsafe place = UnsafeMutableRawBufferPointer(rebasing: place[Base64.encodedCount(image.count)...])
      unsafe place.copyBytes(from: end)
      initializedCount = count
    }
  }
}
