internal import FlyingFox
internal import Foundation

/// The request of an operation.
struct RequestContext: Sendable {
  /// Values of the path's parameters by name.
  let parameters: [String: String]
  let query: QueryParameters
  let headers: HTTPHeaders
  let body: Data
  /// The fault of the request.
  let fault: SandboxFault.Kind?

  /// The body as one of the service's objects.
  func json<Value: Decodable>(_ type: Value.Type) throws(ServiceError) -> Value {
    if let contentType = headers[.contentType] {
      let media = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
      guard media == "application/json" else { throw .unsupportedMediaType }
    }
    return try RequestBody.decode(type, from: body)
  }

  /// The form in which the URLs of the reply deliver files.
  var delivery: SignedURL.Delivery { query["originalAssets"] == "true" ? .original : .transformed }
}
