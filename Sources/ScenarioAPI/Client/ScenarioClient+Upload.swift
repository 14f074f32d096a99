extension ScenarioClient {
  /// Uploads an image in one request. It is free of charge; the same bytes uploaded twice become two assets.
  ///
  /// - Parameters:
  ///   - name: A file name with its extension, shown in the service's galleries.
  ///   - bytes: The encoded image, at most ``directUploadLimit`` bytes.
  ///   - mimeType: The image's media type, for example `image/jpeg`.
  /// - Returns: The stored asset.
  /// - Throws: A ``ScenarioError`` of the stage `upload`: `upload-too-large` and `invalid-request` before anything is
  ///   sent; else what became of the request after its retries.
  public func uploadAsset(name: String, bytes: [UInt8], mimeType: String) async throws(ScenarioError) -> Asset {
    guard bytes.count <= Self.directUploadLimit else {
      throw ScenarioError(
        .uploadTooLarge, .notSent, stage: .upload,
        "the image has \(bytes.count) bytes, and an upload in one request takes \(Self.directUploadLimit)",
        remedy: "make it smaller with --max-bytes \(Self.directUploadLimit), --max-side or --format jpeg")
    }
    var request = try apiRequest(.post, ["assets"], query: [("originalAssets", "true")], stage: .upload)
    request.fields.append(HTTPField("Content-Type", "application/json"))
    request.body = .bytes(try AssetUploadBody.encode(name: name, mimeType: mimeType, image: bytes))
    request.timeout = nil
    request.isRepeatable = true
    return try await reply(AssetReply.self, to: request, as: .upload).asset
  }
}
