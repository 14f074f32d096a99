internal import FlyingFox
internal import Foundation
internal import ImagePreparation
internal import Synchronization

/// The body of `POST /assets/{assetId}/download`.
private struct DownloadRequest: Decodable {
  var targetFormat: String?

  enum CodingKeys: String, CodingKey { case targetFormat }
  init(from decoder: any Decoder) throws {
    targetFormat = try decoder.container(keyedBy: CodingKeys.self).given(String.self, .targetFormat)
  }
}

extension SandboxService {
  /// `GET /assets/{id}` and `GET /assets-transform/{id}` beside `/v1`: a file on a signed URL, without credentials.
  func file(
    _ assetID: String, delivery: SignedURL.Delivery, request: HTTPRequest
  ) async throws(ServiceError) -> HTTPResponse {
    guard request.method == .GET || request.method == .HEAD else { throw .methodNotAllowed(allowed: ["GET", "HEAD"]) }
    // The request is refused, because such a client would send its key to the CDN too.
    guard request.headers[.authorization] == nil else {
      throw .badRequest("File URLs are signed; credentials must not be sent to them", parameter: "Authorization")
    }
    var format: String?
    switch signer.verify(assetID: assetID, delivery: delivery, query: request.target.query(), now: now) {
    case .denied: return .accessDenied
    case .valid(let extra):
      let transform = try QueryParameters(extra)
      format = transform["format"]
      guard extra.isEmpty || (transform.names == ["format"] && Self.mimeType(format) != nil) else {
        throw .notServed("this transform (\(transform.names.joined(separator: ", ")))")
      }
    }
    // The CDN does not reveal whether a file exists.
    guard let asset = state.withLock({ $0.assets.asset(assetID, at: now) }) else { return .accessDenied }
    let stored = try await bytes(of: asset)
    let mimeType = Self.mimeType(format) ?? asset.mimeType
    let body = mimeType == asset.mimeType ? stored : try converted(stored, to: mimeType)
    return HTTPResponse(
      statusCode: .ok, headers: [.contentType: mimeType],
      body: HTTPBodySequence(data: Data(body), suggestedBufferSize: 65_536))
  }

  /// `POST /assets/{assetId}/download`: a signed URL of the file, as it was stored or in another format.
  func requestAssetDownload(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let wanted = try call.json(DownloadRequest.self).targetFormat
    let id = call.parameters["assetId"] ?? ""
    guard let asset = state.withLock({ $0.assets.asset(id, at: now) }) else { throw .notFound("Asset", id) }
    guard let wanted else {
      return .json(Wire.Download(url: url(of: id, delivery: .original), mimeType: asset.mimeType))
    }
    // The sandbox writes two of the service's formats.
    guard let mimeType = Self.mimeType(wanted) else { throw .badRequest("Invalid target format") }
    return .json(Wire.Download(url: url(of: id, delivery: .transformed) + "&format=\(wanted)", mimeType: mimeType))
  }

  private static func mimeType(_ format: String?) -> String? {
    switch format {
    case "png": "image/png"
    case "jpeg", "jpg": "image/jpeg"
    default: nil
    }
  }

  private func converted(
    _ bytes: [UInt8], to mimeType: String
  ) throws(ServiceError) -> [UInt8] {
    do {
      return try images.encode(bytes, as: mimeType == "image/png" ? .png() : .jpeg())
    } catch {
      throw .rendering(error)
    }
  }

  /// An asset's file.
  func bytes(of asset: Asset) async throws(ServiceError) -> [UInt8] {
    switch asset.content {
    case .stored(let image): return image.bytes
    case .rendered(let rendering):
      do { return try await results.png(rendering) } catch { throw .rendering(error) }
    }
  }

  /// The size of an asset's file.
  func byteCount(_ asset: Asset) async throws(ServiceError) -> Int {
    switch asset.content {
    case .stored(let image): return image.bytes.count
    case .rendered(let rendering):
      do { return try await results.byteCount(rendering) } catch { throw .rendering(error) }
    }
  }
}

extension HTTPResponse {
  /// The CDN's reply to a URL with a wrong signature.
  static let accessDenied = HTTPResponse(
    statusCode: .forbidden, headers: [.contentType: "application/xml"],
    body: Data(
      #"<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"#
        .utf8))
}

extension ServiceError {
  /// 500: a source that could be decoded when its job was made cannot be decoded now. This would be a bug.
  fileprivate static func rendering(_ error: any Error) -> ServiceError {
    ServiceError(
      status: .internalServerError, body: Body(message: "The sandbox could not render this result: \(error)"))
  }
}
