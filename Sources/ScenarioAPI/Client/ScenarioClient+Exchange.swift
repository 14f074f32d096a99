internal import Foundation
internal import Ground

/// One request and its outcome, for the log.
struct Exchange: Sendable {
  let request: HTTPRequest
  let result: Result<HTTPResponse, ScenarioError>
}

extension ScenarioClient {
  /// A request to the API, with credentials.
  ///
  /// - Throws: `invalid-request` for a path part that would change the path's meaning.
  func apiRequest(
    _ method: HTTPRequest.Method, _ path: [String], query: [(name: String, value: String)] = [],
    stage: Stage
  ) throws(ScenarioError) -> HTTPRequest {
    for part in path where ["", ".", ".."].contains(part) {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: stage, "\"\(part)\" is not an id", remedy: "give the service's own id")
    }
    let query = query + (configuration.projectID.map { [("projectId", $0)] } ?? [])
    let url = ServiceURL.build(base: configuration.baseURL, path: path, query: query)
    var request = HTTPRequest(method, url, stage: stage)
    request.authorization = configuration.credential
    request.fields = [HTTPField("Accept", "application/json")]
    request.followsRedirects = method == .get
    request.timeout = requestTimeout
    return request
  }

  /// The body of a request.
  static func json(_ value: some Encodable, stage: Stage) throws(ScenarioError) -> [UInt8] {
    do {
      return [UInt8](try JSONEncoder().encode(value))
    } catch {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: stage, "the request cannot be written as JSON", remedy: "check its numbers",
        underlying: error)
    }
  }

  /// Runs the body of a public verb: it does not begin in a canceled task, and throws `CancellationError` for every form of
  /// cancellation.
  func verb<Result>(_ body: () async throws(ScenarioError) -> Result) async throws -> Result {
    try Task.checkCancellation()
    do throws(ScenarioError) {
      return try await body()
    } catch {
      throw publicError(error)
    }
  }

  /// Sends a request, repeating it as the policy allows, and reads the JSON of its reply.
  func reply<Reply: Decodable>(
    _ type: Reply.Type, to request: HTTPRequest, as operation: RetryPolicy.Operation
  ) async throws(ScenarioError) -> Reply {
    var policy = retry
    while true {
      do throws(ScenarioError) {
        return try decode(type, from: try await answer(to: request), to: request)
      } catch {
        try await pause(after: error, of: operation, &policy)
      }
    }
  }

  /// Sends a request once, and throws for a reply other than 2xx unless `isSuccess` accepts it.
  func answer(
    to request: HTTPRequest, accepting isSuccess: (HTTPResponse) -> Bool = { _ in false }
  ) async throws(ScenarioError) -> HTTPResponse {
    let result: Result<HTTPResponse, ScenarioError>
    do throws(ScenarioError) {
      let response = try await transport.send(request)
      let now = now()
      // Files and parts of uploads are on other servers, which must not receive the credentials.
      if request.authorization != nil {
        serviceClock.read(response, at: now)
        serviceNetwork.read(response)
        sandboxSign.read(response)
      }
      guard (200..<300).contains(response.status) || isSuccess(response) else {
        throw ScenarioError(refusal: response, stage: request.stage, generation: request.generation, now: now)
      }
      budget.giveBack()
      result = .success(response)
    } catch {
      var error = error
      error.noteUncertainSubmit()
      result = .failure(error)
    }
    observe(Exchange(request: request, result: result))
    return try result.get()
  }

  /// Reads the JSON of a reply. A submit with an unreadable reply may still have started a job.
  func decode<Reply: Decodable>(
    _ type: Reply.Type, from response: HTTPResponse, to request: HTTPRequest
  ) throws(ScenarioError) -> Reply {
    do {
      return try ReplyJSON.value(type, of: response.body)
    } catch {
      var failure = ScenarioError(
        .malformedReply, request.stage == .submit ? .unknownOutcome : .unusable, stage: request.stage,
        "the service's answer (status \(response.status)) is not what its contract describes: \(Self.place(of: error))",
        remedy: "check the base URL, and whether this version is current", underlying: error)
      failure.httpStatus = response.status
      throw failure
    }
  }

  /// Waits before the next attempt, or throws `error` if the policy allows no further attempt.
  func pause(
    after error: ScenarioError, of operation: RetryPolicy.Operation, _ policy: inout RetryPolicy
  ) async throws(ScenarioError) {
    guard let delay = delay(after: error, of: operation, &policy) else { throw error }
    try await pause(delay, after: error)
  }

  /// The pause before the next attempt; nil for no further attempt.
  package func delay(
    after error: ScenarioError, of operation: RetryPolicy.Operation, _ policy: inout RetryPolicy
  ) -> Duration? {
    guard case .retry(let delay) = policy.next(after: error, of: operation), budget.take() else { return nil }
    return delay
  }

  /// Waits, and reports the wait if the service asked for it.
  func pause(_ delay: Duration, after error: ScenarioError) async throws(ScenarioError) {
    if error.retryAfter != nil, delay > .zero { onPause(delay, error) }
    try await sleep(delay, stage: error.stage)
  }

  /// Sleeps on the client's clock.
  package func sleep(_ duration: Duration, stage: Stage) async throws(ScenarioError) {
    do {
      try await clock.sleep(for: duration)
    } catch {
      throw ScenarioError(.canceled, .notSent, stage: stage, "canceled", remedy: "")
    }
  }

  /// The path to the first unexpected value of a reply. It quotes nothing of the reply.
  private static func place(of error: any Error) -> String {
    func path(_ keys: [any CodingKey]) -> String { printable(keys.map(\.stringValue).joined(separator: ".")) }
    switch error {
    case DecodingError.keyNotFound(let key, let context): return "\(path(context.codingPath + [key])) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      return "\(path(context.codingPath)) is of another type"
    case let excess as JSONNesting.Excess: return excess.message
    default: return "it is not JSON"
    }
  }
}
