import Foundation
import ScenarioSandbox
import Synchronization
import TestSupport
import Testing

@testable import ScenarioAPI

@Suite("Client against the sandbox")
struct SandboxTests {
  /// A sandbox that uses the client's clock, so that jobs advance without a real wait.
  private struct Service {
    let clock = ManualClock()
    let sandbox: ScenarioSandbox
    let baseURL: String

    init(port: UInt16 = 0, publicOrigin: String? = nil, limits: SandboxLimits = SandboxLimits()) async throws {
      let clock = clock
      sandbox = ScenarioSandbox(
        configuration: SandboxConfiguration(
          port: port, credentials: [SandboxCredential(key: Planted.key, secret: Planted.secret)], limits: limits,
          publicOrigin: publicOrigin,
          now: { Date(timeIntervalSince1970: 1_800_000_000 + clock.now.offset / .seconds(1)) }))
      let own = try await sandbox.start().absoluteString
      baseURL = publicOrigin.map { $0 + "/v1" } ?? own
    }

    func client(_ transport: any HTTPTransport = CurlTransport(), secret: String = Planted.secret) throws
      -> ScenarioClient
    {
      let credential = try ScenarioCredential(key: Planted.key, secret: secret)
      return ScenarioClient(
        configuration: try ScenarioConfiguration(baseURL: baseURL, credential: credential), transport: transport,
        retry: .never, clock: clock)
    }
  }

  private static let polling = JobPolling(initialInterval: .milliseconds(300), growth: 1)

  /// Uploads, submits, waits and downloads, as a user would.
  private func runJob(_ client: ScenarioClient) async throws -> (statuses: [String], files: [Data]) {
    let source = try await client.uploadAsset(
      name: "small-420.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg")
    #expect(source.mimeType == "image/jpeg")
    var request = Img2ImgRequest(prompt: "a quiet lake", image: .asset(source.id))
    (request.strength, request.numSamples, request.seed) = (0.5, 2, "7")
    (request.width, request.height) = (128, 64)
    let submission = try await client.submitImg2Img(request)
    #expect(submission.cost ?? 0 > 0)
    var statuses: [String] = []
    var job = submission.job
    for try await update in client.updates(of: job.id, polling: Self.polling) {
      job = update
      if statuses.last != job.status.description { statuses.append(job.status.description) }
    }
    #expect(job.assetIDs.count == 2)
    let folder = NSTemporaryDirectory() + "gesso-sandbox-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var files: [Data] = []
    for id in job.assetIDs {
      let asset = try await client.asset(id)
      #expect(asset.width == 128 && asset.height == 64)
      let file = try await client.download(asset, to: "\(folder)/\(id).png")
      #expect(file.mimeType == "image/png")
      files.append(try Data(contentsOf: URL(filePath: file.path)))
    }
    return (statuses, files)
  }

  private func check(_ result: (statuses: [String], files: [Data])) {
    #expect(result.statuses == ["queued", "warming-up", "in-progress", "finalizing", "success"])
    // W3C PNG, 5.2: the signature.
    #expect(result.files.allSatisfy { $0.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) })
    #expect(Set(result.files).count == 2)
  }

  @Test("a job runs from the upload to its files")
  func job() async throws {
    let service = try await Service()
    check(try await runJob(service.client()))
    await service.sandbox.stop()
  }

  @Test(
    "a job from upload to files over TLS and HTTP/2, on one connection",
    .enabled(if: TLSProxy.missing == nil, "\(TLSProxy.missing ?? "")"))
  func jobOverTLS() async throws {
    let port = RawServer.closedPort()
    let proxy = try TLSProxy(backend: port)
    defer { proxy.stop() }
    let service = try await Service(port: port, publicOrigin: proxy.baseURL)
    var options = ConnectionOptions(environment: [:])
    options.caBundle = proxy.caBundle
    var client = try service.client(CurlTransport(options: options))
    let exchanges = Mutex<[(stage: Stage, version: String?, reused: Bool)]>([])
    client.observe = { exchange in
      guard case .success(let response) = exchange.result else { return }
      exchanges.withLock { $0.append((exchange.request.stage, response.httpVersion, response.reusedConnection)) }
    }
    check(try await runJob(client))
    exchanges.withLock { exchanges in
      #expect(exchanges.allSatisfy { $0.version == "2" })
      // If the machine is so slow that the first connection has been idle for seconds, the submit uses a new one.
      #expect(exchanges.dropFirst().allSatisfy { $0.reused || $0.stage == .submit })
    }
    await service.sandbox.stop()
  }

  @Test("a signed URL that has expired is renewed")
  func expiredURL() async throws {
    let service = try await Service()
    let client = try service.client()
    let asset = try await client.uploadAsset(
      name: "a.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg")
    try await service.clock.sleep(for: .seconds(40 * 86_400))
    let path = NSTemporaryDirectory() + "gesso-expired-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    _ = try await client.download(asset, to: path)
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(Fixtures.bytes("jpeg/small-420.jpg")))
    await service.sandbox.stop()
  }

  @Test("refusals of the service have different codes")
  func refusals() async throws {
    let service = try await Service(limits: SandboxLimits(parallelInferences: 1))
    let client = try service.client()
    let stranger = try service.client(secret: "wrong")
    let credentials = await failure { try await stranger.job(JobID(rawValue: "job_x")) }
    #expect(credentials?.code == .credentialsRefused && credentials?.httpStatus == 401)
    let garbage = await failure {
      try await client.uploadAsset(name: "a.png", bytes: [1, 2, 3], mimeType: "image/png")
    }
    #expect(garbage?.code == .rejected && garbage?.serviceReason == "Unhandled image format")
    let unknownJob = await failure { try await client.job(JobID(rawValue: "job_x")) }
    #expect(unknownJob?.code == .notFound && unknownJob?.jobID?.rawValue == "job_x")
    let source = try await client.uploadAsset(
      name: "a.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg")
    func submit(_ model: String, _ image: AssetID) async -> ScenarioError? {
      var request = Img2ImgRequest(prompt: "p", image: .asset(image), modelID: model)
      (request.width, request.height) = (64, 64)
      return await failure { try await client.submitImg2Img(request) }
    }
    #expect(await submit("flux.1-dev", AssetID(rawValue: "asset_x"))?.code == .notFound)
    #expect(await submit("model_nobody_knows", source.id)?.code == .notFound)
    #expect(await submit("flux.1-dev", source.id) == nil)
    let busy = await submit("flux.1-dev", source.id)
    #expect(
      busy?.code == .concurrencyLimit && busy?.serviceErrorName == "PlanLimitReachedError" && busy?.charged == .no)
    try await service.clock.sleep(for: .seconds(60))
    #expect(await submit("flux.1-dev", source.id) == nil)
    await service.sandbox.stop()
  }

  // MARK: Disagreements

  /// The code of the error that the client throws for a submit; nil if the job runs to its end in spite of the disagreement.
  private static func code(_ kind: SandboxDisagreement) -> ScenarioError.Code? {
    switch kind {
    case .gatewayForbids, .legacyGone: .endpointGone
    case .modelRefused: .modelRefused
    case .paymentRequired, .creditExhausted: .creditExhausted
    case .pauseOfAnHour: .throttled
    default: nil
    }
  }

  @Test(
    "the client gets a correct result, or a clear error, with each disagreement of the service",
    arguments: SandboxDisagreement.allCases)
  func disagreement(kind: SandboxDisagreement) async throws {
    let service = try await Service()
    let (clock, sandbox) = (service.clock, service.sandbox)
    var client = try service.client()
    client.now = { Date(timeIntervalSince1970: 1_800_000_000 + clock.now.offset / .seconds(1)) }
    let source = try await client.uploadAsset(
      name: "a.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg"
    ).id
    var request = Img2ImgRequest(prompt: "a quiet lake", image: .asset(source))
    (request.strength, request.numSamples, request.seed) = (0.55, 2, "7")
    (request.width, request.height) = (64, 64)
    sandbox.disagree(kind)
    let error = await failure { try await client.submitImg2Img(request) }
    #expect(error?.code == Self.code(kind))
    if let error {
      #expect(error.outcome == .refused && !error.mayHaveStartedJob && sandbox.jobs.isEmpty)
      #expect(error.retryAfter == (kind == .pauseOfAnHour ? .seconds(3600) : nil))
    } else {
      let id = JobID(rawValue: try #require(sandbox.jobs.first?.jobId))
      var job: Job?
      for try await update in client.updates(of: id, polling: Self.polling, isNew: true) { job = update }
      #expect(job?.status == .success && job?.assetIDs.count == 2)
      #expect(try await client.assets(job?.assetIDs ?? []).count == 2)
      let now = 1_800_000_000 + clock.now.offset / .seconds(1)
      let offset = try #require(client.clockOffset)
      #expect(abs(offset / .seconds(1) - (kind == .clockAhead ? 300 : kind == .clockBehind ? -300 : 0)) <= 1)
      let listed = try await client.jobs(createdAfter: now + offset / .seconds(1) - 600)
      let found = try #require(listed.first { $0.id == id })
      #expect(found.echo?.seed == "7" && found.echo?.modelID == "flux.1-dev" && found.echo?.type == "img2img")
      #expect(found.echo?.hasSource(source) == (kind == .sourceLeftOut ? nil : true))
      #expect(
        abs((found.echo?.strength ?? 0) - 0.55) < 1e-6 && found.echo?.isPromptArchived == (kind == .archivedPrompt))
      let dry = try await client.dryRun(request)
      switch (kind, dry) {
      case (.dryRunStartsJob, .startedJob(let job, _)), (.dryRunStartsFlatJob, .startedJob(let job, _)):
        #expect(sandbox.jobs.map(\.jobId) == [id.rawValue, job.rawValue])
      case (.dryRunStartsJob, .price), (.dryRunStartsFlatJob, .price): Issue.record("a started job is no price")
      case (_, .price(let price)): #expect(price.creativeUnits > 0 && sandbox.jobs.count == 1)
      case (_, .startedJob): Issue.record("a price is no job")
      }
    }
    await sandbox.stop()
  }

  @Test("a failed job whose reason is an object has the reason")
  func errorAsObject() async throws {
    let service = try await Service()
    let client = try service.client()
    let source = try await client.uploadAsset(
      name: "a.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg"
    ).id
    service.sandbox.disagree(.errorAsObject)
    service.sandbox.script(SandboxFault(.jobFailure))
    var request = Img2ImgRequest(prompt: "p", image: .asset(source))
    (request.width, request.height) = (64, 64)
    let job = try await client.submitImg2Img(request).job
    let failed = try await client.finishedJob(job.id, polling: Self.polling)
    #expect(failed.status == .failure && failed.failureReason == "Out of luck")
    await service.sandbox.stop()
  }
}
