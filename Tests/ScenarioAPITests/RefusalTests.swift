import Foundation
import Testing

@testable import ScenarioAPI

@Suite("Refusals of the service")
struct RefusalTests {
  /// A reply, and what the client must read in it.
  struct Case: Sendable, CustomTestStringConvertible {
    var status: Int
    var body: String
    var fields: [HTTPField] = []
    var code: ScenarioError.Code
    var outcome = ScenarioError.Outcome.refused
    var isRetryable = false
    var reason: String?
    var retryAfter: Duration?
    var name: String?
    var testDescription: String { "\(status) \(body.prefix(60))" }
  }

  static let now = Date(timeIntervalSince1970: 784_111_777)  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110

  static let cases: [Case] = [
    // The forms of the body, in the order in which the contract reads its fields.
    Case(
      status: 400, body: #"{"reason":"Input image is required","name":"BadRequestError"}"#, code: .rejected,
      reason: "Input image is required", name: "BadRequestError"),
    Case(status: 400, body: #"{"reason":"first","message":"second"}"#, code: .rejected, reason: "first"),
    Case(status: 400, body: #"{"message":"second","error":{"message":"third"}}"#, code: .rejected, reason: "second"),
    Case(status: 400, body: #"{"error":{"message":"third"},"detail":"fifth"}"#, code: .rejected, reason: "third"),
    Case(status: 400, body: #"{"error":"fourth","detail":"fifth"}"#, code: .rejected, reason: "fourth"),
    Case(status: 400, body: #"{"detail":"fifth"}"#, code: .rejected, reason: "fifth"),
    Case(status: 400, body: #"{"reason":7,"message":"odd type"}"#, code: .rejected, reason: "odd type"),
    Case(status: 400, body: #"{"reason":""}"#, code: .rejected, reason: nil),
    Case(status: 400, body: "{}", code: .rejected, reason: nil),
    Case(status: 400, body: "", code: .rejected, reason: nil),
    Case(status: 400, body: "plain words", code: .rejected, reason: "plain words"),
    Case(
      status: 400, body: String(repeating: "w", count: 400), code: .rejected, reason: String(repeating: "w", count: 200)
    ),
    Case(
      status: 400, body: #"{"reason":"cannot fetch https://x.example/a?Signature=PlantedSignature"}"#, code: .rejected,
      reason: "cannot fetch https://x.example/a?…"),
    Case(status: 409, body: #"{"reason":"busy"}"#, code: .rejected, reason: "busy"),
    Case(status: 422, body: #"{"reason":"no"}"#, code: .rejected, reason: "no"),
    Case(status: 400, body: #"{"statusCode":400,"error":"Bad Request","message":"m"}"#, code: .rejected, reason: "m"),
    Case(status: 400, body: #"["odd"]"#, code: .rejected, reason: #"["odd"]"#),
    Case(status: 400, body: #"{"message":"m","trace_id":"t-1"}"#, code: .rejected, reason: "m"),
    // Replies about credentials and permissions.
    Case(status: 401, body: #"{"message":"Unauthorized"}"#, code: .credentialsRefused, reason: "Unauthorized"),
    Case(status: 403, body: #"{"message":"Unauthorized"}"#, code: .credentialsRefused, reason: "Unauthorized"),
    Case(
      status: 403, body: #"{"message":"API Keys cannot access protected resources"}"#, code: .forbidden,
      reason: "API Keys cannot access protected resources"),
    Case(
      status: 403,
      body:
        #"{"reason":"Upgrade","name":"ModelAccessRestrictedError","details":{"modelId":"m","requiredPlan":"cu-pro"}}"#,
      code: .modelRestricted, reason: "Upgrade", name: "ModelAccessRestrictedError"),
    Case(
      status: 403, body: #"{"reason":"Missing scope assets.write"}"#, code: .forbidden,
      reason: "Missing scope assets.write"),
    // The CDN's reply if a signature has expired or was changed.
    Case(
      status: 403,
      body: "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
      code: .forbidden, reason: "AccessDenied Access Denied"),
    Case(
      status: 402, body: #"{"statusCode":402,"message":"Dry run completed","estimatedCost":12}"#,
      code: .creditExhausted,
      reason: "Dry run completed"),
    Case(status: 402, body: "", code: .creditExhausted), Case(status: 404, body: "", code: .notFound),
    Case(status: 413, body: #"{"message":"Request Too Long"}"#, code: .payloadTooLarge, reason: "Request Too Long"),
    Case(
      status: 403, body: #"{"message":"User is not authorized to access this resource with an explicit deny"}"#,
      code: .credentialsRefused, reason: "User is not authorized to access this resource with an explicit deny"),
    Case(
      status: 403, body: #"{"message":"Missing Authentication Token"}"#, code: .endpointGone,
      reason: "Missing Authentication Token"),
    // Replies about credit that is used up, with any status.
    Case(
      status: 400, body: #"{"reason":"Insufficient creative units"}"#, code: .creditExhausted,
      reason: "Insufficient creative units"),
    Case(
      status: 403, body: #"{"message":"Your credits are exhausted"}"#, code: .creditExhausted,
      reason: "Your credits are exhausted"),
    Case(
      status: 422, body: #"{"name":"InsufficientCreditsError"}"#, code: .creditExhausted,
      name: "InsufficientCreditsError"),
    Case(
      status: 429, body: #"{"reason":"Monthly quota exhausted","name":"PlanLimitReachedError"}"#,
      code: .creditExhausted,
      reason: "Monthly quota exhausted", name: "PlanLimitReachedError"),
    Case(
      status: 429, body: #"{"reason":"Quota exhausted for this minute","remainingSeconds":30}"#, code: .coolingDown,
      isRetryable: true, reason: "Quota exhausted for this minute", retryAfter: .seconds(30)),
    // If the service replies that a request took too long, it may have acted before, whatever the body of the reply is.
    Case(
      status: 408, body: #"{"reason":"Quota exhausted"}"#, code: .serviceFailed, outcome: .unknownOutcome,
      isRetryable: true, reason: "Quota exhausted"),
    Case(
      status: 403, body: #"{"reason":"Insufficient rights"}"#, code: .forbidden, reason: "Insufficient rights"),
    Case(status: 302, body: "", code: .redirected), Case(status: 307, body: "", code: .redirected),
    // The four kinds of 429.
    Case(
      status: 429,
      body: #"{"reason":"r","name":"RateLimitError","details":{"remainingSeconds":45,"cooldownSeconds":60}}"#,
      code: .coolingDown, isRetryable: true, reason: "r", retryAfter: .seconds(45), name: "RateLimitError"),
    Case(
      status: 429, body: #"{"reason":"please wait","remainingSeconds":2300.5}"#, code: .coolingDown, isRetryable: true,
      reason: "please wait", retryAfter: .seconds(2300.5)),
    Case(
      status: 429,
      body: """
        { "reason": "Your plan allows 2 parallel generations.", "name": "PlanLimitReachedError",
          "details": { "actionName": "parallel-inferences", "actionLimit": 2, "actionValue": 3, "limitScope": "team" } }
        """,
      code: .concurrencyLimit, isRetryable: true, reason: "Your plan allows 2 parallel generations.",
      name: "PlanLimitReachedError"),
    Case(
      status: 429,
      body: #"{"reason":"quota","name":"PlanLimitReachedError","details":{"actionName":"creative-units"}}"#,
      code: .quotaExhausted, reason: "quota", name: "PlanLimitReachedError"),
    // The plan does not have the feature at all, so it does not help to wait until a job ends.
    Case(
      status: 429,
      body:
        #"{"reason":"none","name":"PlanLimitReachedError","details":{"actionName":"parallel-jobs","actionLimit":0}}"#,
      code: .quotaExhausted, reason: "none", name: "PlanLimitReachedError"),
    Case(
      status: 429, body: #"{"reason":"none","details":{"actionLimit":0,"remainingSeconds":9}}"#, code: .quotaExhausted,
      reason: "none"),
    Case(
      status: 429, body: #"{"message":"Too Many Requests"}"#, code: .throttled, isRetryable: true,
      reason: "Too Many Requests"),
    // The time to wait, in each of its forms.
    Case(
      status: 429, body: "", fields: [HTTPField("Retry-After", "7")], code: .throttled, isRetryable: true,
      retryAfter: .seconds(7)),
    Case(
      status: 429, body: "", fields: [HTTPField("retry-after-ms", "250"), HTTPField("Retry-After", "7")],
      code: .throttled,
      isRetryable: true, retryAfter: .milliseconds(250)),
    Case(
      status: 503, body: "", fields: [HTTPField("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT")], code: .serviceFailed,
      outcome: .unknownOutcome, isRetryable: true, retryAfter: .seconds(30)),
    Case(
      status: 503, body: "",
      fields: [
        HTTPField("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"), HTTPField("Date", "Sun, 06 Nov 1994 08:50:02 GMT"),
      ], code: .serviceFailed, outcome: .unknownOutcome, isRetryable: true, retryAfter: .seconds(5)),
    Case(
      status: 503, body: "", fields: [HTTPField("Retry-After", "Sun, 06 Nov 1994 08:49:30 GMT")], code: .serviceFailed,
      outcome: .unknownOutcome, isRetryable: true, retryAfter: .zero),
    Case(
      status: 429, body: "", fields: [HTTPField("Retry-After", "soon")], code: .throttled, isRetryable: true),
    Case(
      status: 429, body: "", fields: [HTTPField("Retry-After", "-3")], code: .throttled, isRetryable: true),
    Case(
      status: 429, body: "", fields: [HTTPField("Retry-After", "nan")], code: .throttled, isRetryable: true),
    // Failures of the service.
    Case(
      status: 502, body: "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>",
      code: .serviceFailed, outcome: .unknownOutcome, isRetryable: true, reason: "502 Bad Gateway"),
    Case(
      status: 502, body: "<html><body><h1>Bad\n Gateway</h1></body></html>", code: .serviceFailed,
      outcome: .unknownOutcome,
      isRetryable: true, reason: "Bad Gateway"),
    Case(
      status: 500, body: #"{"reason":"oops","trace_id":"t-1"}"#, code: .serviceFailed, outcome: .unknownOutcome,
      isRetryable: true, reason: "oops"),
    Case(status: 408, body: "", code: .serviceFailed, outcome: .unknownOutcome, isRetryable: true),
    Case(status: 500, body: "", code: .serviceFailed, outcome: .unknownOutcome, isRetryable: true),
    Case(
      status: 503, body: #"{"message":"Service Unavailable"}"#, code: .serviceFailed, outcome: .unknownOutcome,
      isRetryable: true, reason: "Service Unavailable"),
  ]

  /// The messages of replies with status 400 that the contract quotes.
  static let verbatim = [
    "Either 'image' or 'canvas' must be provided", "Unhandled image format", "Input image is required",
    "Input width must be at least 672", "Input prompt must be at most 2048 characters long",
    "Missing required mimeType parameter for asset kind image", "Invalid target format",
    "Cannot cancel this type of job. Action not permitted.",
  ]

  @Test("the service's own words reach the caller, and nothing is sent again", arguments: verbatim)
  func words(text: String) async throws {
    let body = String(decoding: try JSONEncoder().encode(["reason": text, "name": "BadRequestError"]), as: UTF8.self)
    let transport = ScriptedTransport([.answer(400, body)])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
    await #expect { try await client.job(JobID(rawValue: "job_1")) } throws: {
      let error = $0 as? ScenarioError
      return error?.code == .rejected && error?.serviceReason == text && error?.serviceErrorName == "BadRequestError"
        && error?.message.contains(text) == true
    }
    #expect(transport.requests.count == 1)
  }

  @Test("a direct upload that is too large for the gateway goes up in parts")
  func tooLarge() async throws {
    let transport = ScriptedTransport([
      .answer(413, #"{"message":"Request Too Long"}"#),
      .answer(
        200,
        #"{"upload":{"id":"u","status":"pending","parts":[{"number":1,"url":"https://s3.example/1","expires":"-"}]}}"#),
      .answer(200), .answer(200, #"{"upload":{"id":"u","status":"imported","entityId":"asset_9"}}"#),
    ])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
    let asset = try await client.upload(.bytes([1, 2, 3]), name: "a.png", mimeType: "image/png").result
    #expect(asset.rawValue == "asset_9" && transport.stepsLeft == 0)
  }

  @Test("each kind of reply has its code", arguments: cases)
  func reading(example: Case) {
    let response = HTTPResponse(status: example.status, fields: example.fields, body: [UInt8](example.body.utf8))
    let error = ScenarioError(refusal: response, stage: .wait, now: Self.now)
    #expect(error.code == example.code)
    #expect(error.outcome == example.outcome)
    #expect(error.isRetryable == example.isRetryable)
    #expect(error.serviceReason == example.reason)
    #expect(error.serviceErrorName == example.name)
    #expect(error.retryAfter == example.retryAfter)
    #expect(error.httpStatus == example.status && error.stage == .wait)
    #expect(!error.message.isEmpty && !error.remedy.isEmpty && !error.description.hasSuffix("."))
    #expect(!Planted.leaks("\(error)"))
  }

  @Test("the request's name comes from a header, else from the body")
  func requestID() {
    let body = [UInt8](#"{"reason":"x","traceId":"from-body"}"#.utf8)
    func id(_ fields: [HTTPField]) -> String? {
      ScenarioError(refusal: HTTPResponse(status: 400, fields: fields, body: body), stage: .wait, now: Self.now)
        .requestID
    }
    #expect(id([]) == "from-body")
    #expect(id([HTTPField("X-Amzn-RequestId", "from-header")]) == "from-header")
  }

  // MARK: Generations

  /// The status and the body of the reply that refuses a generation with the model `flux.1-dev`, and the code of the error.
  static let generations: [(Int, String, ScenarioError.Code)] = [
    // The path does not exist. The reply is from the gateway, from a server in front of the service, or from the service itself.
    (403, #"{"message":"Missing Authentication Token"}"#, .endpointGone), (404, "", .endpointGone),
    (404, #"{"message":"Not Found"}"#, .endpointGone), (404, "<html><h1>404</h1></html>", .endpointGone),
    (404, #"{"message":"Cannot POST /v1/generate/img2img"}"#, .endpointGone), (410, "", .endpointGone),
    // The endpoint refuses the model.
    (400, #"{"reason":"Model flux.1-dev runs only under /generate/custom/flux.1-dev"}"#, .modelRefused),
    (400, #"{"reason":"The model flux.1-dev is no longer available"}"#, .modelRefused),
    (400, #"{"reason":"flux.1-dev is not supported"}"#, .modelRefused),
    (400, #"{"message":"Unsupported model"}"#, .modelRefused),
    (400, #"{"reason":"Bad value","details":{"parameter":"modelId"}}"#, .modelRefused),
    // The endpoint exists, but it does not know the model or asset, or not in this project.
    (404, #"{"reason":"Model not found","name":"NotFoundError","details":{"id":"flux.1-dev"}}"#, .notFound),
    (404, #"{"reason":"No Flux.1-dev here"}"#, .notFound), (410, #"{"reason":"Model flux.1-dev is gone"}"#, .notFound),
    (410, #"{"reason":"Asset deleted","details":{"id":"asset_1"}}"#, .notFound),
    // The source or a field is refused. The same model would accept another order.
    (404, #"{"reason":"Asset not found","details":{"id":"asset_1"}}"#, .notFound),
    (400, #"{"reason":"Input width must be at least 672 for the model flux.1-dev"}"#, .rejected),
    (400, #"{"reason":"This model does not support negativePrompt"}"#, .rejected),
    (400, #"{"reason":"The scheduler is not supported by the model flux.1-dev"}"#, .rejected),
    (400, #"{"reason":"Input image is required"}"#, .rejected),
    (403, #"{"reason":"Upgrade","name":"ModelAccessRestrictedError"}"#, .modelRestricted),
  ]

  @Test("a refused generation has a code for its cause, and started no job", arguments: generations)
  func generation(status: Int, body: String, code: ScenarioError.Code) {
    let response = HTTPResponse(status: status, body: [UInt8](body.utf8))
    for isLegacy in [true, false] {
      let error = ScenarioError(
        refusal: response, stage: .submit, generation: .init(modelID: "flux.1-dev", isLegacy: isLegacy), now: Self.now)
      #expect(error.code == code && error.outcome == .refused && !error.isRetryable && !error.mayHaveStartedJob)
      let isElsewhere = [.endpointGone, .modelRefused].contains(code)
      #expect((error.remedy == .useCustomModel("model_bfl-flux-1-dev")) == (isElsewhere && isLegacy), "\(error.remedy)")
    }
    // If the request is not a generation, a 404 is about the job, the asset or the model in the path.
    let error = ScenarioError(refusal: response, stage: .wait, now: Self.now)
    if status == 404 { #expect(error.code == .notFound) }
  }

  @Test(
    "a bare 500 on a legacy submit is an unknown outcome that names the way for the next order",
    arguments: [("", true), (#"{"message":"Internal Server Error"}"#, true), (#"{"reason":"out of memory"}"#, false)])
  func bareFailure(body: String, isBare: Bool) async throws {
    for endpoint in [Img2ImgRequest.Endpoint.img2img, .custom] {
      let transport = ScriptedTransport([.answer(500, body)])
      var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
      request.endpoint = endpoint
      let client = ScenarioClient(
        configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
      await #expect { try await client.submitImg2Img(request) } throws: {
        guard let error = $0 as? ScenarioError else { return false }
        return error.code == .serviceFailed && error.outcome == .unknownOutcome && error.charged == .unknown
          && error.mayHaveStartedJob && error.remedy.description.hasPrefix("a job may be running")
          && error.remedy.description.contains("model_bfl-flux-1-dev") == (isBare && endpoint == .img2img)
      }
      #expect(transport.requests.count == 1)
    }
  }

  @Test("a redirect is refused, and the error names the address without its query")
  func redirect() {
    let fields = [HTTPField("Location", "https://api.example/v1/generate?Signature=PlantedSignature")]
    let error = ScenarioError(
      refusal: HTTPResponse(status: 308, fields: fields), stage: .submit, now: Self.now)
    #expect(error.message == "the service redirects to https://api.example/v1/generate?…")
  }
}
