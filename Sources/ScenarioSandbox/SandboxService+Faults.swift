internal import Digests
internal import FlyingFox
internal import Foundation
internal import enum Ground.JSONValue
internal import ImagePreparation
internal import Synchronization

/// The body of `POST /sandbox/faults`.
private struct FaultsRequest: Decodable {
  let faults: [SandboxFault]
}

extension SandboxService {
  /// The routes beside `/v1`, which need credentials. `POST /sandbox/faults` scripts faults. `POST /sandbox/disagreements` switches the
  /// given disagreements on and all others off. `GET /sandbox/statistics` and `GET /sandbox/jobs` list the requests and jobs so far.
  func administer(_ segments: [String], request: HTTPRequest, body: Data?) throws(ServiceError) -> HTTPResponse {
    switch (segments, request.method) {
    case (["faults"], .POST):
      let faults = try RequestBody.decode(FaultsRequest.self, from: body ?? Data()).faults
      guard configuration.isFaulty || !faults.contains(where: { $0.kind.needsRelay }) else {
        throw .badRequest("This sandbox cannot drop connections; start it with faults enabled")
      }
      state.withLock { $0.faults.append(faults) }
      return .json(state.withLock(\.statistics))
    case (["disagreements"], .POST):
      let kinds = try RequestBody.decode(DisagreementsBody.self, from: body ?? Data()).disagreements
      disagree(Set(kinds))
      return .json(DisagreementsBody(disagreements: kinds))
    case (["jobs"], .GET): return .json(jobs)
    case (["statistics"], .GET): return .json(state.withLock(\.statistics))
    default: throw .noSuchPath
    }
  }

  /// Every job, oldest first.
  var jobs: [SandboxJob] {
    state.withLock(\.jobs.all).map { job in
      SandboxJob(
        jobId: job.id, modelId: job.input.modelId, sourceId: job.sourceID, prompt: job.input.prompt,
        seed: job.input.seed ?? "", created: job.created.timeIntervalSince1970)
    }
  }

  /// Counts a request and returns its fault, if it has one.
  func beginFault(_ operation: String) async -> SandboxFault.Kind? {
    let (number, fault) = state.withLock { state in
      state.requests += 1
      state.statistics.requests[operation, default: 0] += 1
      let fault = state.faults.draw(operation)
      if let fault { state.statistics.faults[fault.rawValue, default: 0] += 1 }
      return (state.requests, fault)
    }
    configuration.onRequest?(number, operation)
    // A canceled pause means that the sandbox is stopping; the delay no longer matters.
    if fault == .delay { try? await Task.sleep(for: configuration.faultDelay) }
    return fault
  }

  /// The reply in place of the operation, for faults that keep a request from having an effect.
  func answer(insteadOf fault: SandboxFault.Kind) throws(ServiceError) -> HTTPResponse? {
    switch fault {
    case .resetBefore, .hang: return HTTPResponse(statusCode: .internalServerError)
    case .coolDown: throw .coolDown(seconds: configuration.coolDownSeconds)
    case .concurrency:
      throw .planLimit("Your plan allows 2 parallel generations.", action: "parallel-inferences", limit: 2, value: 3)
    case .quota:
      throw .planLimit("Your plan's creative units are used up.", action: "creative-units", limit: 100, value: 101)
    case .throttle: throw .throttled
    case .serverError: throw .failed
    case .badGateway:
      return HTTPResponse(
        statusCode: .badGateway, headers: [.contentType: "text/html"],
        body: Data("<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>".utf8))
    case .expiredURL: return .accessDenied
    case .resetAfter, .stall, .delay, .serverErrorAfter, .unknownStatus, .emptySuccess, .wrongSize, .jobFailure:
      return nil
    }
  }

  /// The operation's reply, changed by the fault.
  static func answer(
    _ response: HTTPResponse, after fault: SandboxFault.Kind
  ) async throws(ServiceError) -> HTTPResponse {
    switch fault {
    case .serverErrorAfter: throw .failed
    case .unknownStatus: return await edited(response) { $0["status"] = .string("pondering") }
    case .emptySuccess:
      return await edited(response) { job in
        if case .object(var metadata)? = job["metadata"] {
          metadata["assetIds"] = .array([])
          job["metadata"] = .object(metadata)
        }
      }
    default: return response
    }
  }

  private static func edited(
    _ response: HTTPResponse, _ edit: (inout [String: JSONValue]) -> Void
  ) async -> HTTPResponse {
    guard let data = try? await response.bodyData,
      var body = try? JSONDecoder().decode([String: JSONValue].self, from: data), case .object(var job)? = body["job"]
    else { return response }
    edit(&job)
    body["job"] = .object(job)
    return .json(body, status: response.statusCode)
  }

  /// Counts a new job in the statistics, by a digest of its request.
  func count(_ job: Job, sourceDigest: String, secondDigest: String?) {
    guard job.outcome == .success else {
      state.withLock { $0.statistics.refundedJobs += 1 }
      return
    }
    // The decoder reads the output of this module's own encoder, so it cannot fail.
    var fields = job.customInput?.fields ?? [String: JSONValue](encoding: job.input) ?? [:]
    fields["image"] = .string(sourceDigest)
    for name in ["maskId", "controlImageId"] where fields[name] != nil {
      fields[name] = .string(secondDigest ?? sourceDigest)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let intent = ContentDigest.sha256(of: [UInt8]((try? encoder.encode(fields)) ?? Data()))
    state.withLock { state in
      state.statistics.jobs += 1
      state.statistics.jobsByIntent[intent, default: 0] += 1
    }
  }
}

extension ServiceError {
  /// 429 for a cool-down with a known end.
  static func coolDown(seconds: Int) -> ServiceError {
    ServiceError(
      status: HTTPStatusCode(429, phrase: "Too Many Requests"),
      body: Body(
        reason: "Please wait \(seconds) seconds before the next generation", name: "RateLimitError",
        details: ["remainingSeconds": .number(seconds), "cooldownSeconds": .number(seconds)]))
  }

  /// 429 of the gateway (ASSUMED text).
  static let throttled = ServiceError(
    status: HTTPStatusCode(429, phrase: "Too Many Requests"), body: Body(message: "Too Many Requests"))

  /// 500 without a text, as the service replies for models that it does not support.
  static let failed = ServiceError(
    status: .internalServerError, body: Body(message: "Internal Server Error"))
}
