internal import Digests
internal import FlyingFox
internal import Foundation
internal import enum Ground.JSONValue
internal import Synchronization

/// The behavior of the stand-in: a reply for each request, without any networking.
///
/// The checks come in this order: path, method, credentials, size of the body, and then those of the operation.
final class SandboxService: Sendable {
  /// The state that changes while the sandbox runs.
  struct State: Sendable {
    var assets: AssetStore
    var uploads: UploadStore
    var jobs = JobEngine()
    var faults: FaultScript
    var statistics = SandboxStatistics()
    /// The disagreements that hold for all requests.
    var disagreements: Set<SandboxDisagreement> = []
    /// Elements of lists for jobs that have ended, by job id and by the disagreements that hold.
    var listings: [String: [JSONValue]] = [:]
    /// The number of reads of a job, for disagreements that depend on it.
    var looks: [String: Int] = [:]
    /// Requests to operations so far.
    var requests = 0
    /// Scheme, host and port that signed URLs begin with.
    var origin: String
  }

  let configuration: SandboxConfiguration
  let images: SourceImage
  let state: Mutex<State>
  let signer: SignedURL
  let results: RenderedResults
  private let basicCredentials: [[UInt8]]

  /// The account that owns everything.
  let authorID = "sandbox-author"
  let ownerID = "proj_sandbox"

  /// Makes a service whose signed URLs begin with `origin` until ``setOrigin(_:)`` is called.
  init(configuration: SandboxConfiguration, origin: String = "http://127.0.0.1") {
    self.configuration = configuration
    state = Mutex(
      State(
        assets: AssetStore(limit: configuration.limits.storedBytes),
        uploads: UploadStore(limit: configuration.limits.storedBytes),
        faults: FaultScript([], plan: configuration.faultPlan),
        origin: configuration.publicOrigin ?? origin))
    signer = SignedURL(entropy: configuration.entropy)
    images = SourceImage(decodeHelper: configuration.decodeHelper)
    results = RenderedResults(limit: configuration.limits.renderedBytes, images: images)
    basicCredentials = configuration.credentials.map { [UInt8]("\($0.key):\($0.secret)".utf8) }
  }

  /// Sets the address of the service, once a port is known.
  func setOrigin(_ origin: String) {
    if configuration.publicOrigin == nil { state.withLock { $0.origin = origin } }
  }

  /// Scripts faults.
  func script(_ faults: [SandboxFault]) { state.withLock { $0.faults.append(faults) } }

  /// The time, in the whole milliseconds that replies show.
  var now: Date {
    Date(timeIntervalSince1970: (configuration.now().timeIntervalSince1970 * 1000).rounded(.down) / 1000)
  }

  /// Answers one request.
  ///
  /// - Throws: Only when the connection broke while the body was read.
  func respond(to request: HTTPRequest) async throws -> HTTPResponse {
    // The body is read in any case, because the next request on the connection begins after it.
    let isPart = request.target.path().hasPrefix("/\(Self.partsFolder)/")
    let limits = configuration.limits
    let body = try await Self.body(of: request, limit: isPart ? limits.partBytes : limits.bodyBytes)
    var response: HTTPResponse
    var fault: SandboxFault.Kind?
    do {
      response = try await answer(request, body: body, fault: &fault)
    } catch {
      response = .json(error.body, status: error.status)
      for (header, value) in error.headers { response.headers[header] = value }
    }
    if let action = fault?.relayAction { response.headers[HTTPHeader(RelayAction.header)] = action.rawValue }
    response.headers[HTTPHeader(SandboxNotice.header)] = SandboxNotice.text
    response.headers[.date] = shownDate
    if request.method == .HEAD {
      response.headers[.contentLength] = try await String(response.bodyData.count)
      response.payload = .httpBody(HTTPBodySequence())
    }
    configuration.log?(
      "\(request.method.rawValue) \(request.target.path()) \(response.statusCode.code) (\(SandboxNotice.text))")
    return response
  }

  /// Replies to a request. `fault` is set to the fault of the request, which the caller applies to the connection.
  private func answer(
    _ request: HTTPRequest, body: Data?, fault: inout SandboxFault.Kind?
  ) async throws(ServiceError) -> HTTPResponse {
    let segments = request.target.path().split(separator: "/").map { $0.removingPercentEncoding ?? "" }
    let operation: String
    let act: (SandboxFault.Kind?) async throws(ServiceError) -> HTTPResponse
    if segments.count == 2, let delivery = SignedURL.Delivery(rawValue: segments[0]) {
      operation = SandboxFault.fileOperation
      act = { (_) async throws(ServiceError) in
        try await self.file(segments[1], delivery: delivery, request: request)
      }
    } else if segments.count == 3, segments[0] == Self.partsFolder {
      operation = SandboxFault.partOperation
      act = { (_) throws(ServiceError) in
        try self.part(Array(segments.dropFirst()), request: request, body: body)
      }
    } else if segments.first == "sandbox" {
      guard isAuthorized(request) else { throw .unauthorized }
      return try administer(Array(segments.dropFirst()), request: request, body: body)
    } else {
      guard segments.first == "v1" else { throw .noSuchPath }
      let call = try Route.match(method: request.method.rawValue, segments: Array(segments.dropFirst()))
      guard isAuthorized(request) else { throw .unauthorized }
      guard let body else { throw .bodyTooLarge }
      let query = try QueryParameters(request.target.query())
      _ = try query.bool("originalAssets")
      operation = call.route.operation.id
      act = { (fault) async throws(ServiceError) in
        try await call.route.handler(
          self,
          RequestContext(
            parameters: call.parameters, query: query, headers: request.headers, body: body, fault: fault))
      }
    }
    fault = await beginFault(operation)
    if segments.first == "v1" { try refuse(operation) }
    guard let fault else { return try await act(nil) }
    if let answer = try answer(insteadOf: fault) { return answer }
    return try await Self.answer(try await act(fault), after: fault)
  }

  /// True for HTTP Basic (RFC 7617) with one of the configured pairs.
  private func isAuthorized(_ request: HTTPRequest) -> Bool {
    let words = (request.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
    guard words.count == 2, words[0].lowercased() == "basic", let given = Data(base64Encoded: String(words[1])) else {
      return false
    }
    return basicCredentials.contains { MessageAuthentication.areEqual([UInt8](given), $0) }
  }

  /// The whole body; nil if it is larger than the limit. The body is read to its end in either case.
  private static func body(of request: HTTPRequest, limit: Int) async throws -> Data? {
    var body: Data? = Data()
    if let count = request.bodySequence.count {
      if count > limit { body = nil } else { body?.reserveCapacity(count) }
    }
    for try await chunk in request.bodySequence {
      body?.append(chunk)
      if let count = body?.count, count > limit { body = nil }
    }
    return body
  }
}

extension HTTPResponse {
  /// A reply with a JSON body.
  static func json(_ value: some Encodable, status: HTTPStatusCode = .ok) -> HTTPResponse {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      let data = try encoder.encode(value)
      return HTTPResponse(statusCode: status, headers: [.contentType: "application/json"], body: data)
    } catch {
      // Only an infinite or undefined number could fail here, and every number was checked against a range.
      preconditionFailure("a reply cannot be encoded: \(error)")
    }
  }
}
