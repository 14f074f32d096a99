internal import Foundation
public import Ground

/// The content of an upload: an encoded image.
public enum UploadContent: Sendable {
  /// Bytes in memory.
  case bytes([UInt8])
  /// A file and its size in bytes. A large file is read while its parts are sent.
  case file(path: String, size: Int)

  /// The number of its bytes.
  public var count: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .file(_, let size): size
    }
  }
}

/// The progress of an upload.
public struct UploadProgress: Sendable, Equatable {
  /// The bytes of the image that were sent so far. The number falls when some have to be sent again.
  public let sentBytes: Int
  /// The size of the image in bytes.
  public let totalBytes: Int
}

/// An upload in progress: its state as events, and the asset as its result.
public typealias UploadRun = Run<UploadProgress, AssetID>

extension ScenarioClient {
  /// Begins to upload an image of any size. An image up to ``directUploadLimit`` is sent in one request, a larger one in parts.
  ///
  /// Parts are sent in parallel, and each is repeated on its own after a temporary failure. When their addresses
  /// expire, the upload begins again. An interrupted upload in parts continues with the missing parts, even in another
  /// process, as long as the service gives their addresses again (ASSUMED: until the upload is completed); otherwise it
  /// begins again.
  ///
  /// - Parameters:
  ///   - content: The encoded image.
  ///   - name: A file name with its extension, shown in the service's galleries.
  ///   - mimeType: The image's media type, for example `image/jpeg`.
  ///   - partial: The progress of an earlier upload of the same bytes.
  ///   - onPart: Called when an upload in parts begins and whenever a part has arrived, before anything else happens.
  /// - Returns: The upload, whose result is the asset. It throws `CancellationError`, or a ``ScenarioError`` of the stage `upload`:
  ///   `invalid-request` and the like before anything is sent, otherwise the error of a request after its retries.
  public func upload(
    _ content: UploadContent, name: String, mimeType: String, resuming partial: PartialUpload? = nil,
    onPart: @escaping @Sendable (PartialUpload) throws -> Void = { _ in }
  ) -> UploadRun {
    Run { report in
      let total = content.count
      return try await verb { () throws(ScenarioError) in
        let asset = try await stored(content, name: name, mimeType: mimeType, resuming: partial, onPart) {
          report(UploadProgress(sentBytes: $0, totalBytes: total))
        }
        report(UploadProgress(sentBytes: total, totalBytes: total))
        return asset
      }
    }
  }

  /// Stores the content in one request, or in parts if it is too large for the limit or for the gateway (contract, section 10).
  private func stored(
    _ content: UploadContent, name: String, mimeType: String, resuming partial: PartialUpload?,
    _ onPart: @Sendable (PartialUpload) throws -> Void, onProgress: @escaping @Sendable (Int) -> Void
  ) async throws(ScenarioError) -> AssetID {
    if content.count <= Self.directUploadLimit {
      do throws(ScenarioError) {
        return try await uploadAsset(
          name: name, bytes: try Self.bytes(of: content), mimeType: mimeType, onProgress: onProgress
        ).id
      } catch {
        guard error.code == .payloadTooLarge else { throw error }
      }
    }
    return try await uploadInParts(
      content, name: name, mimeType: mimeType, resuming: partial, onPart, onProgress: onProgress)
  }

  /// Uploads an image in one request, for ``upload(_:name:mimeType:resuming:onPart:)``. An upload is free of charge. The same bytes
  /// uploaded twice become two assets.
  ///
  /// - Parameters:
  ///   - name: A file name with its extension, shown in the service's galleries.
  ///   - bytes: The encoded image, at most ``directUploadLimit`` bytes.
  ///   - mimeType: The image's media type, for example `image/jpeg`.
  ///   - onProgress: Receives the number of bytes that have been sent.
  /// - Returns: The stored asset.
  /// - Throws: A ``ScenarioError`` of the stage `upload`: `upload-too-large` or `invalid-request` before anything is sent, otherwise the
  ///   error of the request after its retries.
  package func uploadAsset(
    name: String, bytes: [UInt8], mimeType: String, onProgress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws(ScenarioError) -> Asset {
    guard bytes.count <= Self.directUploadLimit else {
      throw ScenarioError(
        .uploadTooLarge, .notSent, stage: .upload,
        "the image has \(bytes.count) bytes, and an upload in one request takes \(Self.directUploadLimit)",
        remedy: .reduceUpload(toBytes: Self.directUploadLimit))
    }
    var request = try apiRequest(.post, ["assets"], query: [("originalAssets", "true")], stage: .upload)
    request.fields.append(HTTPField("Content-Type", "application/json"))
    let body = try AssetUploadBody.encode(name: name, mimeType: mimeType, image: bytes)
    request.body = .bytes(body)
    request.timeout = nil
    request.isRepeatable = true
    // Base64 turns three bytes into four; the rest of the body is small.
    request.onSent = { onProgress(bytes.count * $0 / body.count) }
    return try await reply(AssetReply.self, to: request, as: .upload).asset
  }

  private static func bytes(of content: UploadContent) throws(ScenarioError) -> [UInt8] {
    switch content {
    case .bytes(let bytes): return bytes
    case .file(let path, let size):
      guard let data = try? Data(contentsOf: URL(filePath: path)), data.count == size else {
        throw ScenarioError(
          .invalidRequest, .notSent, stage: .upload, "cannot read \(path), or it has changed",
          remedy: "check the file and its permissions")
      }
      return [UInt8](data)
    }
  }
}
