internal import Foundation

extension ScenarioError {
  /// Reads a reply that is not a success (contract, section 10).
  ///
  /// - Parameters:
  ///   - response: The reply.
  ///   - stage: The step that failed.
  ///   - generation: Model and endpoint, for a submit or a dry run.
  ///   - now: The time from which a `Retry-After` date counts when the reply has no `Date`.
  init(refusal response: HTTPResponse, stage: Stage, generation: HTTPRequest.Generation? = nil, now: Date) {
    let body = ServiceErrorBody(response.body)
    let effect = RetryPolicy.effect(of: response.status)
    let words = body.reason.map { "\"\($0)\"" } ?? "status \(response.status)"
    func refused(_ code: Code, _ message: String, _ remedy: Remedy, isRetryable: Bool = false) -> ScenarioError {
      var error = ScenarioError(code, .refused, stage: stage, message, remedy: remedy)
      error.isRetryable = isRetryable
      return error
    }

    self =
      switch response.status {
      case 401:
        refused(.credentialsRefused, "the service refused the credentials: \(words)", .checkCredentials)
      case 400..<500 where effect != .mayHaveActed && (response.status == 402 || body.isAboutCredit):
        refused(.creditExhausted, "the account has too little credit: \(words)", "add credit or change the plan")
      case 403 where body.name == "ModelAccessRestrictedError":
        refused(.modelRestricted, "the plan does not include this model: \(words)", "choose another model or plan")
      case 403 where body.mentions("missing authentication token"):
        // The gateway replies this for a path that does not exist, whatever the credentials are.
        refused(.endpointGone, "the service has nothing at this address: \(words)", Self.elsewhere(generation))
      case 403 where Self.isAboutCredentials(body.reason):
        refused(.credentialsRefused, "the service refused the credentials: \(words)", .checkCredentials)
      case 403: refused(.forbidden, "the service forbids this: \(words)", "check the key's scopes and project")
      case 404, 410: Self.missing(body, words: words, generation) { refused($0, $1, $2) }
      case 400 where body.refusesModel(of: generation):
        refused(
          .modelRefused, "the service does not take the model \(generation?.modelID ?? ""): \(words)",
          Self.elsewhere(generation))
      case 413:
        refused(.payloadTooLarge, "the request is larger than the service takes: \(words)", "send a smaller image")
      case 429: Self.tooMany(body, words: words, refused)
      case 300..<400:
        refused(
          .redirected, "the service redirects to \(Self.target(of: response) ?? "another address")",
          "check the base URL; requests that act are not redirected")
      case _ where effect == .mayHaveActed: Self.failed(response.status, words: words, stage: stage)
      case _ where effect == .nothingDone:
        refused(.throttled, "the service refuses this for now: \(words)", .retry(after: .zero), isRetryable: true)
      default: refused(.rejected, "the service refused the request: \(words)", "correct the request")
      }
    httpStatus = response.status
    serviceReason = body.reason
    serviceErrorName = body.name
    planLimit = body.actionLimit
    requestID =
      ["x-amzn-requestid", "x-request-id", "apigw-requestid"].lazy.compactMap { response.value(of: $0) }.first
      .map(printable) ?? body.traceID
    if isRetryable {
      retryAfter = RetryAfter.delay(of: response, remainingSeconds: body.remainingSeconds, now: now)
      if let retryAfter, retryAfter > .zero { remedy = .retry(after: retryAfter) }
    }
    // Without any other text, this is the usual reply for a model that the legacy endpoint does not support.
    let isBare = body.reason == nil || body.reason?.lowercased() == "internal server error"
    if response.status == 500, isBare, generation?.isLegacy == true { remedy = Self.elsewhere(generation) }
  }

  /// A 404. The endpoint of a generation is missing only if the body names neither an asset nor a model. Otherwise the
  /// endpoint exists, and the named asset or model is unknown or belongs to another project (contract, section 10).
  private static func missing(
    _ body: ServiceErrorBody, words: String, _ generation: HTTPRequest.Generation?,
    _ refused: (Code, String, Remedy) -> ScenarioError
  ) -> ScenarioError {
    guard let generation, !body.mentions("asset") else {
      return refused(
        .notFound, "the service does not know this: \(words)", "check the id, the project and the base URL")
    }
    guard body.mentionsModel(of: generation) else {
      return refused(.endpointGone, "the service has nothing at this address: \(words)", elsewhere(generation))
    }
    return refused(
      .notFound, "the service does not know the model \(generation.modelID): \(words)",
      .either("check the model's name and the project of the key", or: elsewhere(generation)))
  }

  /// Four different refusals have the status 429; their names and details distinguish them.
  private static func tooMany(
    _ body: ServiceErrorBody, words: String, _ refused: (Code, String, Remedy, Bool) -> ScenarioError
  ) -> ScenarioError {
    if body.actionLimit == 0 {
      return refused(.quotaExhausted, "the plan does not include this: \(words)", "change the plan", false)
    }
    if body.name == "PlanLimitReachedError" {
      guard body.limitedAction?.hasPrefix("parallel") == true else {
        return refused(
          .quotaExhausted, "the plan's quota is used up: \(words)", "wait for its renewal or change the plan", false)
      }
      return refused(
        .concurrencyLimit, "as many jobs as the plan allows are running: \(words)", "wait until one of them ends", true)
    }
    if body.remainingSeconds != nil || body.name == "RateLimitError" {
      return refused(.coolingDown, "the service asks for a pause: \(words)", .retry(after: nil), true)
    }
    return refused(.throttled, "too many requests at once: \(words)", .retry(after: .zero), true)
  }

  /// The remedy for an endpoint that does not serve the model. For the legacy family, it is the same model in the current family.
  private static func elsewhere(_ generation: HTTPRequest.Generation?) -> Remedy {
    switch generation?.isLegacy {
    case true?: .useCustomModel(Img2ImgRequest.customModelID)
    case false?: "choose another model"
    case nil: "check the base URL"
    }
  }

  /// The target of a redirect, without its query.
  private static func target(of response: HTTPResponse) -> String? {
    response.value(of: "location").map { printable("\(SignedURL(rawValue: $0))") }
  }

  /// The service may have started the job before it failed.
  private static func failed(_ status: Int, words: String, stage: Stage) -> ScenarioError {
    var error = ScenarioError(
      .serviceFailed, .unknownOutcome, stage: stage, "the service failed with status \(status): \(words)",
      remedy: .retry(after: nil))
    error.isRetryable = true
    return error
  }

  /// Marks the error of a submit that may have started a job, because such a job is paid for, whatever the failure was.
  mutating func noteUncertainSubmit() {
    guard mayHaveStartedJob else { return }
    notePossibleCharge()
  }

  /// Marks the error of a request after which a job may be running.
  mutating func notePossibleCharge() {
    charged = .unknown
    let look: Remedy = "a job may be running and paid for: look at the service's list of jobs before sending it again"
    if case .useCustomModel = remedy { remedy = .both(look, and: remedy) } else { remedy = look }
  }

  /// Keeps the ids of jobs and assets in a reply that could not be read, because a job that is paid for can be found by these ids.
  mutating func noteIDs(in body: [UInt8]) {
    func isPartOfID(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    func names(_ prefix: String) -> [String] {
      var seen = Set<String>()
      let words = body.prefix(Self.searchedBytes).split { !isPartOfID($0) }
      let named = words.lazy.filter { $0.starts(with: prefix.utf8) && $0.count > prefix.utf8.count && $0.count <= 100 }
      return named.map { String(decoding: $0, as: UTF8.self) }.filter { seen.insert($0).inserted }
    }
    namedJobs = names("job_").prefix(Self.namedLimit).map(JobID.init)
    namedAssets = names("asset_").prefix(Self.namedLimit).map(AssetID.init)
    let all = namedJobs.map(\.rawValue) + namedAssets.map(\.rawValue)
    if !all.isEmpty { message += "; it names " + all.joined(separator: ", ") }
  }

  /// The number of bytes of an unreadable reply that are searched for ids.
  private static let searchedBytes = 1 << 20
  /// The number of ids of each kind that are kept. A job has at most 128 results, and its own id leads to all of them.
  private static let namedLimit = 20

  /// Wrong credentials may be refused with 403 (contract, section 2). A missing scope or plan must not be reported as
  /// wrong credentials.
  private static func isAboutCredentials(_ reason: String?) -> Bool {
    guard let reason = reason?.lowercased() else { return false }
    return ["unauthorized", "credential", "authenticat", "explicit deny", "invalid key", "invalid api key"].contains {
      reason.contains($0)
    }
  }
}
