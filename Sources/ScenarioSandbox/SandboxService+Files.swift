#if Client
internal import FlyingFox
internal import Foundation
internal import Synchronization

extension SandboxService {
  /// `GET /assets/{id}` and `GET /assets-transform/{id}` beside `/v1`: a file on a signed URL, without credentials.
  func file(
    _ assetID: String, delivery: SignedURL.Delivery, request: HTTPRequest
  ) async throws(ServiceError) -> HTTPResponse {
    guard request.method == .GET || request.method == .HEAD else { throw .methodNotAllowed(allowed: ["GET", "HEAD"]) }
    // A client that sends its key here would send it to the CDN too.
    guard request.headers[.authorization] == nil else {
      throw .badRequest("File URLs are signed; credentials must not be sent to them", parameter: "Authorization")
    }
    switch signer.verify(assetID: assetID, delivery: delivery, query: request.target.query(), now: now) {
    case .denied: return .accessDenied
    case .valid(let extra):
      guard extra.isEmpty else { throw .notServed("transformed files yet (\(Self.names(in: extra)))") }
    }
    // The CDN tells nobody whether a file exists.
    guard let asset = state.withLock({ $0.assets.asset(assetID, at: now) }) else { return .accessDenied }
    let body = Data(try await bytes(of: asset))
    return HTTPResponse(
      statusCode: .ok, headers: [.contentType: asset.mimeType],
      body: HTTPBodySequence(data: body, suggestedBufferSize: 65_536))
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

  private static func names(in query: String) -> String {
    query.split(separator: "&").map { $0.prefix { $0 != "=" } }.joined(separator: ", ")
  }
}

extension HTTPResponse {
  /// What the CDN says of a URL it does not trust.
  static let accessDenied = HTTPResponse(
    statusCode: .forbidden, headers: [.contentType: "application/xml"],
    body: Data(
      #"<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"#
        .utf8))
}

extension ServiceError {
  /// 500: a source that could be decoded when its job was made no longer can, which only a defect explains.
  fileprivate static func rendering(_ error: any Error) -> ServiceError {
    ServiceError(
      status: .internalServerError, body: Body(message: "The sandbox could not render this result: \(error)"))
  }
}
#endif
