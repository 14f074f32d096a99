internal import FlyingFox

/// One operation the sandbox serves. Methods and paths come from the OpenAPI file, found by operation id.
struct Route: Sendable {
  typealias Handler = @Sendable (SandboxService, RequestContext) async throws(ServiceError) -> HTTPResponse

  let operation: ServiceDocument.Operation
  let handler: Handler

  /// The sandbox's function for each operation of the file that it serves, by operation id.
  static let handlers: [String: Handler] = [
    "uploadAsset": { (service, call) async throws(ServiceError) in try await service.uploadAsset(call) },
    "listAssets": { (service, call) async throws(ServiceError) in try await service.listAssets(call) },
    "getAssetsBulk": { (service, call) async throws(ServiceError) in try await service.getAssetsBulk(call) },
    "getAsset": { (service, call) async throws(ServiceError) in try await service.getAsset(call) },
    "requestAssetDownload": { (service, call) async throws(ServiceError) in
      try await service.requestAssetDownload(call)
    },
    "createUpload": { (service, call) throws(ServiceError) in try service.createUpload(call) },
    "getUpload": { (service, call) throws(ServiceError) in try service.getUpload(call) },
    "actOnUpload": { (service, call) throws(ServiceError) in try service.actOnUpload(call) },
    "generateCustom": { (service, call) async throws(ServiceError) in try await service.generateCustom(call) },
    "generateImg2Img": { (service, call) async throws(ServiceError) in try await service.generateImg2Img(call) },
    "generateInpaint": { (service, call) async throws(ServiceError) in try await service.generateInpaint(call) },
    "generateControlnet": { (service, call) async throws(ServiceError) in try await service.generateControlnet(call) },
    "generateControlnetImg2Img": { (service, call) async throws(ServiceError) in
      try await service.generateControlnetImg2Img(call)
    },
    "listJobs": { (service, call) throws(ServiceError) in try service.listJobs(call) },
    "getJob": { (service, call) throws(ServiceError) in try service.getJob(call) },
    "actOnJob": { (service, call) throws(ServiceError) in try service.actOnJob(call) },
    "getModel": { (service, call) throws(ServiceError) in try service.getModel(call) },
  ]

  /// Every operation that is served.
  static let all: [Route] = ServiceDocument.operations.compactMap { operation in
    handlers[operation.id].map { Route(operation: operation, handler: $0) }
  }

  /// The operation's path as segments, parameters in braces.
  private static func segments(_ path: String) -> [Substring] { path.split(separator: "/") }

  /// Finds the operation for a request.
  ///
  /// A path without parameters is preferred to a path with parameters. The reply is 501 for an operation of the file that is not served,
  /// and 405 for another method.
  static func match(
    method: String, segments given: [String]
  ) throws(ServiceError) -> (route: Route, parameters: [String: String]) {
    var best: (path: String, parameters: [String: String])?
    for path in Set(ServiceDocument.operations.map(\.path)) {
      let template = segments(path)
      guard template.count == given.count else { continue }
      var parameters: [String: String] = [:]
      let fits = zip(template, given).allSatisfy { part, value in
        guard part.first == "{" else { return part == value }
        parameters[String(part.dropFirst().dropLast())] = value
        return !value.isEmpty
      }
      if fits, parameters.count < best?.parameters.count ?? .max { best = (path, parameters) }
    }
    guard let best else { throw .noSuchPath }
    let operations = ServiceDocument.operations.filter { $0.path == best.path }
    guard let operation = operations.first(where: { $0.method == method }) else {
      throw .methodNotAllowed(allowed: operations.map(\.method))
    }
    guard let route = all.first(where: { $0.operation == operation }) else {
      throw .notServed("\(method) \(best.path) yet")
    }
    return (route, best.parameters)
  }
}
