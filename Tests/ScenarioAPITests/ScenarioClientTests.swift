import Foundation
import Testing

@testable import ScenarioAPI
import Synchronization

@Suite("Client")
struct ScenarioClientTests {
  private func client(
    _ transport: ScriptedTransport, _ clock: ManualClock = ManualClock(), project: String? = nil
  ) throws -> ScenarioClient {
    ScenarioClient(
      configuration: try Planted.configuration(project: project), transport: transport,
      retry: RetryPolicy(random: FixedGenerator.lowest), clock: clock)
  }

  private static let generation = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))

  // MARK: Requests

  @Test("every operation sends the request of the contract, with credentials", arguments: [nil, "proj_1 &"])
  func requests(project: String?) async throws {
    let transport = ScriptedTransport([
      .answer(200, Replies.asset("asset_1")), .answer(200, Replies.accepted), .answer(200, Replies.job("queued")),
      .answer(200, Replies.asset("asset_2")),
    ])
    let client = try client(transport, project: project)
    #expect(
      try await client.uploadAsset(name: "a.png", bytes: [1, 2, 3], mimeType: "image/png").id.rawValue == "asset_1")
    #expect(try await client.submitImg2Img(Self.generation).job.id.rawValue == "job_1")
    #expect(try await client.job(JobID(rawValue: "job/1")).status == .queued)
    #expect(try await client.asset(AssetID(rawValue: "asset_2")).id.rawValue == "asset_2")

    let base = "https://service.example/v1"
    let query = project == nil ? "" : "projectId=proj_1%20%26"
    #expect(
      transport.requests.map { "\($0.method.rawValue) \($0.url)" } == [
        "POST \(base)/assets?originalAssets=true" + (project == nil ? "" : "&\(query)"),
        "POST \(base)/generate/img2img" + (project == nil ? "" : "?\(query)"),
        "GET \(base)/jobs/job%2F1" + (project == nil ? "" : "?\(query)"),
        "GET \(base)/assets/asset_2?originalAssets=true" + (project == nil ? "" : "&\(query)"),
      ])
    #expect(transport.requests.map(\.stage) == [.upload, .submit, .wait, .download])
    #expect(transport.requests.allSatisfy { $0.authorization != nil })
    #expect(transport.requests.map(\.isRepeatable) == [true, false, true, true])
    #expect(transport.requests.map(\.followsRedirects) == [false, false, true, true])
    for post in transport.requests.prefix(2) {
      #expect(post.fields.contains(HTTPField("Content-Type", "application/json")))
    }
  }

  @Test("an id cannot change the path", arguments: ["", ".", ".."])
  func pathIDs(id: String) async throws {
    let transport = ScriptedTransport([])
    let client = try client(transport)
    let error = await failure { try await client.asset(AssetID(rawValue: id)) }
    #expect(error?.code == .invalidRequest && transport.requests.isEmpty)
  }

  @Test("invalid arguments are refused before anything is sent")
  func localChecks() async throws {
    let transport = ScriptedTransport([])
    let client = try client(transport)
    let large = [UInt8](repeating: 0, count: ScenarioClient.directUploadLimit + 1)
    let tooLarge = await failure {
      try await client.uploadAsset(name: "a.png", bytes: large, mimeType: "image/png")
    }
    #expect(tooLarge?.code == .uploadTooLarge && tooLarge?.outcome == .notSent && tooLarge?.stage == .upload)
    #expect(tooLarge?.message.contains("3500001") == true && tooLarge?.remedy == .reduceUpload(toBytes: 3_500_000))
    var generation = Self.generation
    generation.strength = 2
    let invalid = await failure { try await client.submitImg2Img(generation) }
    #expect(invalid?.code == .invalidRequest && invalid?.stage == .submit)
    #expect(transport.requests.isEmpty)
  }

  @Test("an upload at the limit fits the service's request limit")
  func uploadLimit() async throws {
    let transport = ScriptedTransport([.answer(200, Replies.asset("a"))])
    let bytes = [UInt8](repeating: 255, count: ScenarioClient.directUploadLimit)
    _ = try await client(transport).uploadAsset(name: "a.png", bytes: bytes, mimeType: "image/png")
    // The service replies with 413 to a larger body (contract, section 14).
    #expect(try #require(transport.requests.first).body.count <= 6_291_456)
  }

  // MARK: Repetition

  /// The outcome of a first submit, whether the submit is repeated, and whether it may have been charged.
  static let submits: [(ScriptedTransport.Step, repeats: Bool, ScenarioError.Charge)] = [
    (Replies.lost(.notSent), true, .no), (Replies.lost(.unknownOutcome), false, .unknown),
    (.answer(429, #"{"message":"Too Many Requests"}"#), true, .no),
    (.answer(429, #"{"name":"PlanLimitReachedError","reason":"q"}"#), false, .no),
    (.answer(500), false, .unknown), (.answer(502, "<html>"), false, .unknown), (.answer(503), false, .unknown),
    (.answer(408), false, .unknown), (.answer(400, #"{"reason":"r"}"#), false, .no), (.answer(401), false, .no),
    (.answer(409), false, .no), (.answer(307), false, .no), (.answer(200, "{}"), false, .unknown),
    (.answer(200, "<html>"), false, .unknown), (.answer(200, #"{"job":{}}"#), false, .unknown),
  ]

  @Test("a submit is sent again only when it certainly had no effect", arguments: submits.indices)
  func submitting(index: Int) async throws {
    let (first, repeats, charged) = Self.submits[index]
    let transport = ScriptedTransport([first, .answer(200, Replies.accepted)])
    let client = try client(transport)
    let error = await failure { try await client.submitImg2Img(Self.generation) }
    #expect((error == nil) == repeats)
    #expect(transport.requests.count == (repeats ? 2 : 1))
    if let error {
      #expect(error.charged == charged && error.stage == .submit)
      #expect((error.outcome == .unknownOutcome) == (charged == .unknown))
      if charged == .unknown { #expect(error.remedy.description.contains("may be running")) }
    }
  }

  @Test(
    "reads and uploads are repeated after temporary failures",
    arguments: [
      Replies.lost(.notSent), Replies.lost(.unknownOutcome), .answer(429), .answer(500), .answer(502, "<html>"),
    ])
  func repeating(step: ScriptedTransport.Step) async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport([
      step, step, .answer(200, Replies.asset("a")), step, .answer(200, Replies.asset("b")),
    ])
    let client = try client(transport, clock)
    #expect(try await client.uploadAsset(name: "a.png", bytes: [1], mimeType: "image/png").id.rawValue == "a")
    #expect(try await client.asset(AssetID(rawValue: "b")).id.rawValue == "b")
    #expect(clock.sleeps == [.milliseconds(250), .milliseconds(500), .milliseconds(250)])
  }

  @Test("the last failure is reported when attempts end, and the service's wait is kept")
  func attemptsEnd() async throws {
    let clock = ManualClock()
    let busy = ScriptedTransport.Step.answer(
      429, "", [HTTPField("Retry-After", "3"), HTTPField("X-Request-Id", "r-9")])
    let transport = ScriptedTransport([busy, busy, busy, busy, busy])
    let client = try client(transport, clock)
    let error = await failure { try await client.submitImg2Img(Self.generation) }
    #expect(error?.code == .throttled && error?.requestID == "r-9" && error?.retryAfter == .seconds(3))
    #expect(transport.requests.count == 4 && clock.sleeps == [.seconds(3), .seconds(3), .seconds(3)])
  }

  @Test("canceling during a submit waits for its answer, and sends nothing after it", arguments: [200, 429])
  func cancelingSubmit(status: Int) async throws {
    /// A transport that replies when the test allows it, even after the task was canceled.
    struct Held: HTTPTransport {
      let script: ScriptedTransport
      let hold: @Sendable () async -> Void
      func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
        await hold()
        guard !Task.isCancelled else { throw ScenarioError(.canceled, .unknownOutcome, stage: .submit, "", remedy: "") }
        return try await script.send(request)
      }
    }
    let (beginnings, begin) = AsyncStream.makeStream(of: Void.self)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    let script = ScriptedTransport([.answer(status, Replies.accepted), .answer(200, Replies.accepted)])
    let client = ScenarioClient(
      configuration: try Planted.configuration(),
      transport: Held(script: script) {
        begin.finish()
        for await _ in answers {}
      }, clock: ManualClock())
    let task = Task { try await client.submitImg2Img(Self.generation) }
    for await _ in beginnings {}
    task.cancel()
    answer.finish()
    if status == 200 {
      #expect(try await task.value.job.id.rawValue == "job_1")
    } else {
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    #expect(script.requests.count == 1)
  }

  // MARK: Following a job

  @Test("a job is followed to its end")
  func following() async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport([
      .answer(200, Replies.job("queued")), .answer(200, Replies.job("a-new-one")), .answer(500),
      Replies.lost(.unknownOutcome),
      .answer(429, #"{"remainingSeconds":9}"#), .answer(200, Replies.job("success")),
      .answer(200, Replies.job("success", assets: #""a","a","b""#)),
    ])
    var seen: [String] = []
    var job: Job?
    for try await update in try client(transport, clock).updates(
      of: JobID(rawValue: "job_1"), polling: JobPolling(jitter: 0))
    {
      seen.append(update.status.description)
      job = update
    }
    #expect(job?.status == .success && job?.assetIDs.map(\.rawValue) == ["a", "b"])
    #expect(seen == ["queued", "a-new-one", "success", "success"])
    #expect(clock.sleeps == [2, 3, 4.5, 6.75, 10.125, 15].map { .seconds($0) })
  }

  @Test("a job that was just submitted is looked at after a pause, and a 404 does not end the wait")
  func newJob() async throws {
    let clock = ManualClock()
    let unknown = ScriptedTransport.Step.answer(404, #"{"reason":"Job not found"}"#)
    let transport = ScriptedTransport([unknown, unknown, .answer(200, Replies.job("success", assets: #""a""#))])
    var looks = 0
    for try await update in try client(transport, clock).updates(
      of: JobID(rawValue: "job_1"), polling: JobPolling(jitter: 0), isNew: true)
    {
      looks += 1
      #expect(update.status == .success)
    }
    #expect(looks == 1 && clock.sleeps == [2, 3, 4.5].map { .seconds($0) })

    let gone = ScriptedTransport(Array(repeating: unknown, count: 50))
    let client = try client(gone, clock)
    let error = await failure {
      for try await _ in client.updates(of: JobID(rawValue: "job_1"), polling: JobPolling(jitter: 0), isNew: true) {}
    }
    #expect(error?.code == .notFound && error?.jobID?.rawValue == "job_1" && (4...8).contains(gone.requests.count))
  }

  /// A refusal that asks for a pause of an hour, in each form.
  static let hours: [ScriptedTransport.Step] = [
    .answer(429, "", [HTTPField("Retry-After", "3600")]), .answer(429, #"{"remainingSeconds":3600}"#),
    .answer(429, #"{"name":"RateLimitError","details":{"remainingSeconds":3600}}"#),
    .answer(503, "", [HTTPField("Retry-After", "3600")]),
  ]

  @Test("a pause of an hour is reported, not waited for", arguments: hours.indices)
  func hour(index: Int) async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport(Array(repeating: Self.hours[index], count: 8))
    let client = try client(transport, clock)
    let read = await failure { try await client.asset(AssetID(rawValue: "a")) }
    let submit = await failure { try await client.submitImg2Img(Self.generation) }
    let wait = await failure { try await client.finishedJob(JobID(rawValue: "job_1")) }
    #expect(clock.sleeps.isEmpty && transport.requests.count == 3)
    for error in [read, submit, wait] { #expect(error?.retryAfter == .seconds(3600) && error?.isRetryable == true) }
    for error in [read, wait] {
      #expect(error?.remedy == .retry(after: .seconds(3600)) && error?.description.contains("3600 seconds") == true)
    }
    #expect(wait?.jobID?.rawValue == "job_1" && wait?.charged == .yes)
  }

  @Test("every pause that the service asks for is reported before it begins")
  func pauses() async throws {
    let clock = ManualClock()
    let asked = ScriptedTransport.Step.answer(429, #"{"remainingSeconds":45}"#)
    let transport = ScriptedTransport([
      asked, .answer(200, Replies.asset("a")), .answer(500), .answer(200, Replies.asset("a")), asked,
      .answer(200, Replies.job("failed")),
    ])
    var client = try client(transport, clock)
    let pauses = Mutex<[(Duration, ScenarioError.Code, sleeps: Int)]>([])
    client.onPause = { pause, error in pauses.withLock { $0.append((pause, error.code, clock.sleeps.count)) } }
    _ = try await client.asset(AssetID(rawValue: "a"))
    _ = try await client.asset(AssetID(rawValue: "a"))
    _ = try await client.finishedJob(JobID(rawValue: "job_1"))
    let seen = pauses.withLock(\.self)
    #expect(seen.map(\.0) == [.seconds(45), .seconds(45)] && seen.allSatisfy { $0.1 == .coolingDown })
    #expect(seen.map(\.sleeps) == [0, 2])
  }

  @Test(
    "assets are read one by one where the service refuses to list them together",
    arguments: [
      (403, #"{"message":"Forbidden"}"#), (400, "{}"), (404, ""), (405, ""), (200, "{}"), (200, "<html>"),
    ])
  func singleReads(status: Int, body: String) async throws {
    let transport = ScriptedTransport([
      .answer(status, body), .answer(200, Replies.asset("a")), .answer(404), .answer(200, Replies.asset("c")),
    ])
    let assets = try await client(transport).assets(["a", "b", "c"].map { AssetID(rawValue: $0) })
    #expect(assets.map(\.id.rawValue) == ["a", "c"] && transport.stepsLeft == 0)
  }

  @Test(
    "refused credentials, a rate limit and a lost connection do not make one request many", arguments: [401, 429, 0])
  func noSingleReads(status: Int) async throws {
    let step = status == 0 ? Replies.lost(.unknownOutcome) : ScriptedTransport.Step.answer(status)
    let transport = ScriptedTransport(Array(repeating: step, count: 9))
    let client = try client(transport)
    let error = await failure { try await client.assets(["a", "b"].map { AssetID(rawValue: $0) }) }
    #expect(error != nil && transport.requests.allSatisfy { $0.method == .post })
  }

  @Test("failed and canceled jobs are results", arguments: [("failed", JobStatus.failure), ("cancelled", .canceled)])
  func finalStates(spelling: String, status: JobStatus) async throws {
    let transport = ScriptedTransport([.answer(200, Replies.job(spelling))])
    #expect(try await client(transport).finishedJob(JobID(rawValue: "job_1")).status == status)
  }

  @Test("the deadline ends the wait and leaves the job")
  func deadline() async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport(Array(repeating: .answer(200, Replies.job("queued")), count: 100))
    let client = try client(transport, clock)
    let error = await failure { try await client.finishedJob(JobID(rawValue: "job_1")) }
    #expect(error?.code == .deadlineExceeded && error?.outcome == .stillRunning && error?.charged == .yes)
    #expect(error?.jobID?.rawValue == "job_1")
    #expect(clock.now.offset == .seconds(600))
    #expect(transport.requests.first?.timeout == .seconds(60) && transport.requests.last?.timeout == .seconds(10))
  }

  @Test(
    "a lasting failure ends the wait at once, and the error names the job",
    arguments: [
      (401, ScenarioError.Code.credentialsRefused, ScenarioError.Charge.yes), (403, .forbidden, .yes),
      (404, .notFound, .unknown),
    ])
  func unreadable(status: Int, code: ScenarioError.Code, charged: ScenarioError.Charge) async throws {
    let transport = ScriptedTransport([.answer(200, Replies.job("queued")), .answer(status)])
    let client = try client(transport)
    let error = await failure { try await client.finishedJob(JobID(rawValue: "job_1")) }
    #expect(error?.code == code && error?.charged == charged && error?.jobID?.rawValue == "job_1")
    #expect(transport.requests.count == 2)
  }
}
