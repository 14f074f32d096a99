internal import Foundation

/// The body of `POST /assets`: a JSON object with the image as a data URL.
enum AssetUploadBody {
  /// Writes `{"name":…,"image":"data:<type>;base64,…"}` into one buffer of its final size.
  ///
  /// - Throws: `invalid-request` for an empty name or image, or a media type of other characters than those of RFC 6838.
  static func encode(name: String, mimeType: String, image: [UInt8]) throws(ScenarioError) -> [UInt8] {
    func invalid(_ message: String, _ remedy: Remedy) -> ScenarioError {
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
    let end = #""}"#.utf8
    var body: [UInt8] = []
    body.reserveCapacity(start.count + (image.count + 2) / 3 * 4 + end.count)
    body += start
    // The image is encoded in parts whose length is a multiple of three bytes, so that memory never holds a second copy of the image or its
    // text.
    let pieceSize = 3 << 14
    for offset in stride(from: 0, to: image.count, by: pieceSize) {
      body += Data(image[offset..<min(offset + pieceSize, image.count)]).base64EncodedData()
    }
    body += end
    return body
  }
}
