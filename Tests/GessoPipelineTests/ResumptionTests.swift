import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport
import Testing

@Suite("Repeated orders and lost replies")
struct ResumptionTests {
  let folder = TestFolder.url.appending(path: "gesso-again-\(UUID().uuidString)").path
  private let source = Fixtures.path("jpeg/small-420.jpg")

  private func order(_ change: (inout Img2ImgOrder) -> Void = { _ in }) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: source, prompt: "a forest", folder: folder)
    order.generation.seed = "7"
    change(&order)
    return order
  }

  private func ledger() throws -> Ledger { try Ledger(path: folder + "-ledger/ledger.sqlite") }

  private func service(_ hook: @escaping ScriptedService.Hook = { _, _ throws(ScenarioError) in nil }) throws
    -> ScriptedService
  {
    ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")], hook: hook)
  }

  private func run(
    _ service: ScriptedService, _ order: Img2ImgOrder, limits: Limits = Limits()
  ) async throws -> Img2ImgResult {
    try await Img2ImgPipeline(
      client: try service.client(), ledger: try ledger(), preparer: ImagePreparer(limits: limits)
    ).start(order).result
  }

  private static func json(_ text: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, body: [UInt8](text.utf8))
  }

  private static let lost = ScenarioError(.connectionLost, .unknownOutcome, stage: .submit, "gone", remedy: "")

  @Test("a finished order returns its files without a request and without decoding the image")
  func finished() async throws {
    let first = try await run(try service(), order())
    let again = try service()
    let second = try await run(again, order())
    #expect(again.requests.isEmpty)
    #expect(second.files == first.files && second.jobID == first.jobID && second.seed == "7")
    #expect(!first.reused && second.reused && second.submitted == first.submitted)
    #expect(abs(try #require(second.submitted).timeIntervalSinceNow) < 600)
  }

  @Test("a missing result is downloaded again, without a new job")
  func restored() async throws {
    let path = try await run(try service(), order()).files[0].path
    try FileManager.default.removeItem(atPath: path)
    let again = try service()
    #expect(try await run(again, order()).files.map(\.path) == [path])
    #expect(again.requests.allSatisfy { $0.hasPrefix("GET") })
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(Fixtures.bytes("png/small-rgb8.png")))
  }

  @Test(
    "each of these changes makes another order",
    arguments: ["prompt", "seed", "strength", "recipe", "samples", "model", "again", "parameter"])
  func others(what: String) async throws {
    _ = try await run(try service(), order())
    let again = try service { name, _ throws(ScenarioError) in
      name == "POST /generate/img2img"
        ? Self.json(#"{"job":{"jobId":"job_2","status":"queued","metadata":{"assetIds":[]}}}"#) : nil
    }
    let other = order { order in
      order.waits = false
      switch what {
      case "prompt": order.generation.prompt = "a lake"
      case "seed": order.generation.seed = "8"
      case "strength": order.generation.strength = 0.5
      case "recipe": order.recipe.output = .auto(quality: 50)
      case "samples": order.generation.numSamples = 2
      case "model": order.generation.modelID = "flux.1-pro"
      case "again": order.again = true
      default: order.generation.parameters = ["hideResults": .bool(true)]
      }
    }
    #expect(try await run(again, other).jobID?.rawValue == "job_2")
  }

  @Test("threads, limits and the folder make no other order")
  func same() async throws {
    _ = try await run(try service(), order())
    let again = try service()
    let elsewhere = folder + "/elsewhere"
    let result = try await run(
      again, order { order in order.folder = elsewhere }, limits: Limits(maxMemory: 512 << 20, threads: 1))
    #expect(again.requests.allSatisfy { $0.hasPrefix("GET") })
    #expect(result.files.map(\.path) == [elsewhere + "/small-420-7-1.png"])
  }

  @Test("equal prepared bytes are uploaded once, and again when the service has deleted them")
  func uploads() async throws {
    _ = try await run(try service(), order())
    func uploads(of prompt: String, isGone: Bool) async throws -> Int {
      let service = try service { name, _ throws(ScenarioError) in
        if name == "GET /assets/asset_source", isGone { return Self.json(#"{"reason":"gone"}"#, status: 404) }
        return name == "POST /generate/img2img"
          ? Self.json(#"{"job":{"jobId":"job_\#(prompt)","status":"queued","metadata":{"assetIds":[]}}}"#) : nil
      }
      _ = try await run(
        service,
        order { order in
          (order.generation.prompt, order.waits) = (prompt, false)
        })
      return service.requests.count { $0 == "POST /assets" }
    }
    #expect(try await uploads(of: "lake", isGone: false) == 0)
    #expect(try await uploads(of: "dune", isGone: true) == 1)
  }

  @Test("orders that begin at the same time with equal bytes upload them once")
  func uploadsOnce() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    // Two ledgers on one file, as two processes have them.
    let pipelines = try (0..<2).map { _ in Img2ImgPipeline(client: client, ledger: try ledger()) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<8 {
        group.addTask {
          let order = order { order in
            (order.generation.prompt, order.folder, order.waits) = ("\(index)", "\(folder)/\(index)", false)
          }
          _ = try await pipelines[index % 2].start(order).result
        }
      }
      try await group.waitForAll()
    }
    #expect(sandbox.statistics.requests["uploadAsset"] == 1)
    #expect(sandbox.statistics.jobs == 8)
    await sandbox.stop()
  }

  @Test("the wait for another process's upload of the same bytes has a limit, and no longer one than the run")
  func uploadsElsewhere() async throws {
    let (beginnings, begin) = AsyncStream.makeStream(of: Void.self)
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let slow = try service { name, _ throws(ScenarioError) in
      guard name == "POST /assets" else { return nil }
      begin.finish()
      for await _ in ends {}
      return nil
    }
    let first = Task { try await run(slow, order()) }
    for await _ in beginnings {}
    let other = try service()
    let pipeline = Img2ImgPipeline(client: try other.client(), ledger: try ledger())
    for (deadline, limit) in [(Duration.seconds(2), 2), (.seconds(3600), 600)] {
      let waits = Mutex<[Duration]>([])
      await #expect {
        let run = pipeline.start(order { $0.generation.prompt = "a lake" }, polling: JobPolling(deadline: deadline))
        for await case .waitingForUpload(let patience) in run.events { waits.withLock { $0.append(patience) } }
        return try await run.result
      } throws: {
        let error = $0 as? PipelineError
        return error?.code == .runInProgress && error?.message.hasSuffix("for \(limit) seconds") == true
      }
      #expect(waits.withLock(\.self) == [.seconds(limit)] && other.requests.isEmpty)
    }
    end.finish()
    #expect(try await first.value.files.count == 1)
  }

  /// The order's request in the form in which a job repeats it.
  private static let echo =
    #"{"prompt":"a forest","image":"asset_source","seed":7,"strength":0.75,"numSamples":1,"guidance":3.5,"#
    + #""numInferenceSteps":28,"width":224,"height":144,"modelId":"flux.1-dev"}"#
  private static func job(_ id: String, status: String = "success", input: String? = nil, result: String = "asset_r1")
    -> String
  {
    let echo = input.map { #","input":\#($0)"# } ?? ""
    return #"{"jobId":"\#(id)","status":"\#(status)","metadata":{"assetIds":["\#(result)"]\#(echo)}}"#
  }
  private static func asset(_ metadata: String) -> String {
    #"{"asset":{"id":"asset_x","url":"https://x.example/x","status":"success","metadata":\#(metadata)}}"#
  }

  @Test(
    "a submit without a reply is reconciled, never sent again",
    arguments: [
      // The jobs of the account, the fields of the asset `asset_x`, and the job that the run adopts.
      ("one that fits", [job("job_1", input: echo)], "{}", "job_1"),
      (
        "one that fits among others",
        [
          job("job_8", input: echo.replacing("a forest", with: "a lake")),
          job("job_9", input: echo.replacing("\"seed\":7", with: "\"seed\":\"8\"")), job("job_1", input: echo),
        ], "{}", "job_1"
      ),
      ("the seed as text", [job("job_1", input: echo.replacing("\"seed\":7", with: "\"seed\":\"7\""))], "{}", "job_1"),
      ("none", [], "{}", nil),
      ("another image", [job("job_1", input: echo.replacing("asset_source", with: "asset_other"))], "{}", nil),
      ("two that fit", [job("job_1", input: echo), job("job_2", input: echo)], "{}", nil),
      (
        "known by its result", [job("job_1", result: "asset_x")],
        #"{"prompt":"a forest","parentId":"asset_source","seed":7}"#, "job_1"
      ),
      (
        "a result of another source", [job("job_1", result: "asset_x")],
        #"{"prompt":"a forest","parentId":"asset_y","seed":7}"#, nil
      ),
      ("a result that says nothing", [job("job_1", result: "asset_x")], "{}", nil),
      ("failed, and silent", [job("job_1", status: "failure", result: "asset_x")], "{}", nil),
    ] as [(String, [String], String, String?)])
  func ambiguous(name: String, jobs: [String], metadata: String, adopted: String?) async throws {
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": throw Self.lost
      case "GET /jobs": return Self.json("{\"jobs\":[\(jobs.joined(separator: ","))]}")
      case "GET /assets/asset_x": return Self.json(Self.asset(metadata))
      default: return nil
      }
    }
    let order = order { $0.waits = false }
    if let adopted {
      #expect(try await run(service, order).jobID?.rawValue == adopted)
      #expect(try ledger().entries()[0].state == .submitted)
    } else {
      await #expect {
        try await run(service, order)
      } throws: {
        ($0 as? PipelineError)?.code == .needsDecision && ($0 as? PipelineError)?.runID == 1
      }
      let entry = try ledger().entries()[0]
      #expect(entry.state == .needsDecision && entry.jobID == nil && entry.failure != nil)
    }
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
  }

  @Test("a job of another run is not a candidate, and the run waits for an unfinished candidate")
  func claimed() async throws {
    // A run with another prompt has job_1 as its own.
    _ = try await run(
      try service(),
      order { order in
        (order.generation.prompt, order.waits) = ("a lake", false)
      })
    let looks = Mutex(0)
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": throw Self.lost
      case "GET /jobs":
        let isDone = looks.withLock { looks in
          looks += 1
          return looks > 6
        }
        let mine = Self.job("job_2", status: isDone ? "success" : "in-progress", result: "asset_x")
        return Self.json("{\"jobs\":[\(Self.job("job_1", input: Self.echo)),\(mine)]}")
      case "GET /assets/asset_x":
        return Self.json(Self.asset(#"{"prompt":"a forest","parentId":"asset_source","seed":"7"}"#))
      default: return nil
      }
    }
    #expect(try await run(service, order { $0.waits = false }).jobID?.rawValue == "job_2")
  }

  @Test("a submit whose process died before the reply is reconciled")
  func killed() async throws {
    // Reconciling fails as well, so the ledger is in the state that a killed process leaves.
    let dead = try service { name, _ throws(ScenarioError) in
      if name == "POST /generate/img2img" { throw Self.lost }
      return name == "GET /jobs" ? Self.json("{}", status: 401) : nil
    }
    await #expect(throws: ScenarioError.self) { try await run(dead, order()) }
    #expect(try ledger().entries()[0].state == .submitting)
    let next = try service { name, _ throws(ScenarioError) in
      name == "GET /jobs" ? Self.json("{\"jobs\":[\(Self.job("job_1", input: Self.echo))]}") : nil
    }
    #expect(try await run(next, order()).files.count == 1)
    #expect(!next.requests.contains { $0.hasPrefix("POST") }, "nothing is uploaded or submitted")
  }

  @Test("a temporary fault does not change the run's state", arguments: [503, 429])
  func retried(status: Int) async throws {
    let down = try service { name, _ throws(ScenarioError) in
      name == "POST /assets" ? Self.json("{}", status: status) : nil
    }
    await #expect(throws: ScenarioError.self) { try await run(down, order()) }
    #expect(try ledger().entries().map(\.state) == [.prepared])
    #expect(try await run(try service(), order()).files.count == 1)
    #expect(try ledger().entries().count == 1)
  }

  @Test("a failed job gets a new attempt")
  func failed() async throws {
    let unlucky = ScriptedService(statuses: ["failure"], results: [])
    await #expect(throws: PipelineError.self) { try await run(unlucky, order()) }
    let next = try service { name, _ throws(ScenarioError) in
      name == "POST /generate/img2img"
        ? Self.json(#"{"job":{"jobId":"job_2","status":"queued","metadata":{"assetIds":[]}}}"#) : nil
    }
    #expect(try await run(next, order { $0.waits = false }).jobID?.rawValue == "job_2")
    #expect(try ledger().entries().map(\.attempt) == [1, 0])
  }

  @Test("above the limit nothing is submitted; the price is asked for in the URL", arguments: [5, 20])
  func maxCost(limit: Int) async throws {
    let service = try service { _, request throws(ScenarioError) in
      request.url.contains("dryRun=true")
        ? Self.json(#"{"creativeUnitsCost":10.75,"creativeUnitsDiscount":9}"#, status: 269) : nil
    }
    let order = order { $0.maxCost = Decimal(limit) }
    if limit < 10 {
      await #expect { try await run(service, order) } throws: { ($0 as? PipelineError)?.code == .tooExpensive }
    } else {
      _ = try await run(service, order)
    }
    let price = try await Img2ImgPipeline(client: try service.client(), ledger: try ledger()).price(order).result
    #expect("\(price)" == "10.75")
    #expect(try ledger().entries().count == 1)
    #expect(try ledger().entries()[0].state == (limit < 10 ? .uploaded : .downloaded))
  }

  @Test("an order whose price was asked for has its prepared image beside its results, and is uploaded once")
  func orderedAfterPrice() async throws {
    let service = try service { _, request throws(ScenarioError) in
      request.url.contains("dryRun=true") ? Self.json(#"{"creativeUnitsCost":10.75}"#, status: 269) : nil
    }
    let pipeline = Img2ImgPipeline(client: try service.client(), ledger: try ledger())
    _ = try await pipeline.price(order()).result
    #expect(!FileManager.default.fileExists(atPath: folder))
    _ = try await pipeline.start(order()).result
    #expect(FileManager.default.fileExists(atPath: "\(folder)/small-420.prepared.jpg"))
    #expect(service.requests.count { $0 == "POST /assets" } == 1)
    #expect(try ledger().entries().map(\.price) == ["10.75"])
  }

  @Test("an order that is canceled while it waits for a place submits nothing")
  func cancelsAtTheGate() async throws {
    let (refusals, refused) = AsyncStream.makeStream(of: Void.self)
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let submits = Mutex(0)
    let service = try service { name, _ throws(ScenarioError) in
      if name == "GET /jobs/job_1" { for await _ in ends {} }
      guard name == "POST /generate/img2img",
        submits.withLock({
          $0 += 1; return $0
        }) > 1
      else { return nil }
      refused.finish()
      return Self.json(
        #"{"name":"PlanLimitReachedError","details":{"actionName":"parallel-inferences","actionLimit":1}}"#, status: 429
      )
    }
    let pipeline = Img2ImgPipeline(client: try service.client(retry: .never), ledger: try ledger())
    let first = pipeline.start(order())
    for await case .submitted in first.events { break }
    let second = Task { try await pipeline.start(order { $0.generation.prompt = "a lake" }).result }
    for await _ in refusals {}
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    end.finish()
    _ = try await first.result
    #expect(submits.withLock(\.self) == 2)
    #expect(try ledger().entries().map(\.state) == [.uploaded, .downloaded])
  }

  @Test("the plan's ceiling for parallel jobs is taken from a refusal, and respected", arguments: [1, 2])
  func ceiling(limit: Int) async throws {
    let step = Duration.milliseconds(20)
    let (sandbox, client) = try await ScenarioSandbox.started(
      SandboxConfiguration(
        jobTimings: JobTimings(queued: step, warmingUp: step, inProgress: step, finalizing: step),
        limits: SandboxLimits(parallelInferences: limit)),
      retry: .never)
    let pipeline = Img2ImgPipeline(client: client, ledger: try ledger())
    let polling = JobPolling(initialInterval: .milliseconds(20), longestInterval: .milliseconds(20))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<6 {
        group.addTask {
          let order = order { order in
            (order.generation.prompt, order.folder) = ("\(index)", "\(folder)/\(index)")
          }
          _ = try await pipeline.start(order, polling: polling).result
        }
      }
      try await group.waitForAll()
    }
    let statistics = sandbox.statistics
    #expect(statistics.jobs == 6)
    // At first there are six requests, of which `limit` are accepted. No request after them is refused.
    #expect(try #require(statistics.requests["generateImg2Img"]) <= 6 + 6 - limit)
    await sandbox.stop()
  }

  @Test(
    "a paid job is downloaded, however odd the optional fields of its replies are",
    arguments: [
      #"{"job":{"jobId":"job_1","status":"queued","billing":{}},"creativeUnitsCost":"10.5"}"#,
      #"{"job":{"id":"job_1","progress":"half","metadata":{"assetIds":null}},"creativeUnitsCost":[]}"#,
      #"{"jobId":"job_1","metadata":{"assetIds":[null]},"creativeUnitsDiscount":{}}"#,
      #"{"id":"job_1","createdAt":1790000000,"metadata":"archived"}"#,
    ])
  func oddReplies(submission: String) async throws {
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": Self.json(submission)
      case "GET /jobs/job_1":
        Self.json(
          #"{"job":{"jobId":"job_1","status":"success","progress":null,"billing":{"cuDiscount":"x"},"createdAt":{}},"#
            + #""metadata":{"assetIds":["asset_r1",null],"error":{"code":7},"hint":[]}}"#)
      case "POST /assets":
        Self.json(#"{"asset":{"id":"asset_source","url":null,"status":7,"mimeType":{},"properties":[]}}"#)
      default: nil
      }
    }
    let result = try await run(service, order())
    #expect(result.files.count == 1 && result.jobID?.rawValue == "job_1")
    #expect(result.cost == (submission.contains("10.5") ? "10.5" : nil))
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
  }

  @Test(
    "a run finds its job among jobs with odd fields",
    arguments: [
      #"null,7,{"status":"success"}"#, #"{"jobId":"job_9","status":"failure","metadata":{"error":{"code":7}}}"#,
      #"{"jobId":"job_9","billing":{},"progress":"x"}"#,
      #"{"jobId":"job_9","status":"success","metadata":{"assetIds":["asset_forbidden"]}}"#,
      #"{"jobId":"job_9","status":"success","metadata":{"assetIds":["asset_odd"]}}"#,
    ])
  func oddNeighbors(jobs: String) async throws {
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": throw Self.lost
      case "GET /jobs": Self.json("{\"jobs\":[\(jobs),\(Self.job("job_1", input: Self.echo))]}")
      case "GET /assets/asset_forbidden": Self.json(#"{"reason":"no"}"#, status: 403)
      case "GET /assets/asset_odd": Self.json(#"{"asset":[]}"#)
      default: nil
      }
    }
    #expect(try await run(service, order()).files.count == 1)
  }

  @Test("a job that an unreadable reply names can be adopted, however often the order was repeated")
  func named() async throws {
    func service() throws -> ScriptedService {
      try self.service { name, _ throws(ScenarioError) in
        switch name {
        case "POST /generate/img2img": Self.json(#"{"result":{"ref":"job_1","files":["asset_r1"]}}"#)
        case "GET /jobs": Self.json(#"{"jobs":[]}"#)
        default: nil
        }
      }
    }
    for isFirst in [true, false] {
      let service = try service()
      await #expect { try await run(service, order()) } throws: {
        guard let error = $0 as? PipelineError else { return false }
        return error.code == .needsDecision && error.message.contains("job_1")
          && error.candidates.map(\.rawValue) == ["job_1"]
      }
      #expect(service.requests.contains { $0 == "POST /generate/img2img" } == isFirst)
      let entry = try ledger().entries()[0]
      #expect(entry.failure?.contains("job_1") == true && entry.namedIDs == ["job_1", "asset_r1"])
    }
    let service = try service()
    let pipeline = Img2ImgPipeline(client: try service.client(), ledger: try ledger())
    try await pipeline.resolve(1, .adopt(JobID(rawValue: "job_1")))
    #expect(try await pipeline.start(order()).result.files.count == 1)
    #expect(service.requests.allSatisfy { $0.hasPrefix("GET") })
  }
}
