internal import FlyingFox

/// A request that is refused: the reply's status, headers and JSON body.
///
/// Bodies have the two shapes seen most on the service: `reason`, `name` and `details`, or the gateway's `message`.
struct ServiceError: Error {
  /// The HTTP status.
  let status: HTTPStatusCode
  /// The JSON body.
  let body: Body
  /// Headers beyond the usual ones.
  var headers: [HTTPHeader: String] = [:]

  /// The JSON of a refusal. Keys without a value are left out.
  struct Body: Encodable, Sendable {
    var reason: String?
    var name: String?
    var details: [String: Detail]?
    var message: String?
  }

  /// A value in `details`.
  enum Detail: Encodable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case text(String)
    case number(Int)

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .number(value) }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      }
    }
  }

  private static func refusal(
    _ status: HTTPStatusCode, _ name: String, _ reason: String, _ details: [String: Detail]? = nil
  ) -> ServiceError {
    ServiceError(status: status, body: Body(reason: reason, name: name, details: details))
  }

  private static func gateway(
    _ status: HTTPStatusCode, _ message: String, headers: [HTTPHeader: String] = [:]
  ) -> ServiceError {
    ServiceError(status: status, body: Body(message: message), headers: headers)
  }

  /// 400: the request has an invalid value.
  static func badRequest(_ reason: String, parameter: String? = nil) -> ServiceError {
    refusal(.badRequest, "BadRequestError", reason, parameter.map { ["parameter": .text($0)] })
  }

  /// 400 in the service's own words for bytes that are not an image.
  static let unhandledImageFormat = badRequest("Unhandled image format")

  /// 401 (ASSUMED: the gateway's shape).
  static let unauthorized = gateway(
    .unauthorized, "Unauthorized", headers: [HTTPHeader("WWW-Authenticate"): #"Basic realm="Scenario sandbox""#])

  /// 403: the model exists, the account may not use it.
  static func modelRestricted(_ modelID: String) -> ServiceError {
    refusal(
      .forbidden, "ModelAccessRestrictedError", "This model needs a higher plan",
      ["modelId": .text(modelID), "requiredPlan": "cu-pro"])
  }

  /// 404 for one kind of thing.
  static func notFound(_ kind: String, _ id: String) -> ServiceError {
    refusal(.notFound, "NotFoundError", "\(kind) not found", ["id": .text(id)])
  }

  /// 404 for a path that is not served.
  static let noSuchPath = gateway(.notFound, "Not Found")

  /// 405, with the methods that the path has.
  static func methodNotAllowed(allowed: [String]) -> ServiceError {
    gateway(
      .methodNotAllowed, "Method Not Allowed", headers: [HTTPHeader("Allow"): allowed.sorted().joined(separator: ", ")])
  }

  /// 413 (ASSUMED: status and text).
  static let bodyTooLarge = gateway(.payloadTooLarge, "Request Too Long")

  /// 415 for a body that does not claim to be JSON (ASSUMED).
  static let unsupportedMediaType = gateway(.unsupportedMediaType, "Unsupported Media Type")

  /// 429: more than the plan allows at once.
  static func planLimit(_ reason: String, action: String, limit: Int, value: Int) -> ServiceError {
    refusal(
      HTTPStatusCode(429, phrase: "Too Many Requests"), "PlanLimitReachedError", reason,
      ["actionName": .text(action), "actionLimit": .number(limit), "actionValue": .number(value), "limitScope": "team"])
  }

  /// 501: an operation of the service that the sandbox does not have.
  static func notServed(_ what: String) -> ServiceError {
    gateway(HTTPStatusCode(501, phrase: "Not Implemented"), "The sandbox does not serve \(what)")
  }

  /// 507: the memory for images is full.
  static func storageFull(limit: Int) -> ServiceError {
    gateway(
      HTTPStatusCode(507, phrase: "Insufficient Storage"),
      "The sandbox holds \(limit >> 20) MiB of images and takes no more; restart it")
  }
}
