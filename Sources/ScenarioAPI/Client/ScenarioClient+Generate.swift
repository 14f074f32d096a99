extension ScenarioClient {
  /// Submits a job: from the moment the service accepts it, it is paid for.
  ///
  /// The service has no idempotency key, so a submit is repeated only when it certainly had no effect: nothing was sent,
  /// or the service refused it for now (`RetryPolicy.statuses`). Keep the job's id before doing anything else.
  ///
  /// Canceling the task ends a pause between attempts, and nothing is sent after that. If an attempt has begun, the call still waits for
  /// its reply, for at most ``requestTimeout``, because a job whose id was not read is paid for and lost.
  ///
  /// - Parameter request: The settings of the generation and its image; checked before anything is sent.
  /// - Returns: The accepted job and its price.
  /// - Throws: `CancellationError` when no job was asked for; or a ``ScenarioError`` of the stage `submit`. If the outcome is
  ///   `unknownOutcome`, a job may be running, and `charged` is `unknown`.
  @concurrent public func submitImg2Img(_ request: Img2ImgRequest) async throws -> Submission {
    try await verb { () throws(ScenarioError) in
      var policy = retry
      while true {
        do throws(ScenarioError) {
          return try await submitOnce(request)
        } catch {
          try await pause(after: error, of: .submit, &policy)
        }
      }
    }
  }

  /// One attempt of ``submitImg2Img(_:)``. It does not begin in a canceled task, and once begun it cannot be canceled.
  package func submitOnce(_ request: Img2ImgRequest) async throws(ScenarioError) -> Submission {
    let http = try generation(request, query: [])
    guard !Task.isCancelled else {
      throw ScenarioError(.canceled, .notSent, stage: .submit, "canceled", remedy: "")
    }
    // An unstructured task is not canceled with the caller's task.
    let exchange = Task { () async -> Result<Submission, ScenarioError> in
      do throws(ScenarioError) {
        return .success(try await generated(Submission.self, by: http))
      } catch {
        return .failure(error)
      }
    }
    return try await exchange.value.get()
  }

  /// Asks for the price of a job. The service checks the request and the plan as it would for the job.
  ///
  /// A service that ignores `dryRun` starts the job. The request is therefore repeated only when a submit may be repeated. If a job was
  /// started, it is returned, so that the caller can record it.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `price`; `malformed-reply` with `charged` unknown when the
  ///   service replied without a price, because it may then have started a job.
  @concurrent public func dryRun(_ request: Img2ImgRequest) async throws -> DryRun {
    try await verb { () throws(ScenarioError) in
      // `dryRun` is in the URL: the service ignores it in a body, and would start a paid job (contract, section 7).
      var http = try generation(request, query: [("dryRun", "true")])
      // The stage is not `submit`, because no job was requested.
      http.stage = .price
      var policy = retry
      while true {
        do throws(ScenarioError) {
          return try await generated(DryRun.self, by: http, accepting: DryRun.isRefusal)
        } catch {
          try await pause(after: error, of: .submit, &policy)
        }
      }
    }
  }

  /// Sends a generation, or the request for its price, once and reads the reply. A request with an unreadable reply may have
  /// started a job: the error keeps the ids that it names.
  private func generated<Reply: Decodable>(
    _ type: Reply.Type, by request: HTTPRequest, accepting isSuccess: (HTTPResponse) -> Bool = { _ in false }
  ) async throws(ScenarioError) -> Reply {
    let response = try await answer(to: request, accepting: isSuccess)
    do throws(ScenarioError) {
      return try decode(type, from: response, to: request)
    } catch {
      var error = error
      error.notePossibleCharge()
      error.noteIDs(in: response.body)
      throw error
    }
  }

  private func generation(
    _ request: Img2ImgRequest, query: [(name: String, value: String)]
  ) throws(ScenarioError) -> HTTPRequest {
    try request.validate()
    var http = try apiRequest(
      .post, ["generate", request.endpoint.name] + (request.endpoint == .custom ? [request.modelID] : []),
      query: query, stage: .submit)
    http.generation = HTTPRequest.Generation(modelID: request.modelID, isLegacy: request.endpoint != .custom)
    http.fields.append(HTTPField("Content-Type", "application/json"))
    http.body = .bytes(try Self.json(request, stage: .submit))
    return http
  }
}
