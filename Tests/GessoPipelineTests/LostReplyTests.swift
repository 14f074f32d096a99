import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

@Suite("Jobs that are paid for, with the replies that services give")
struct LostReplyTests {
  let folder = TestFolder.url.appending(path: "gesso-paid-\(UUID().uuidString)").path

  private func order(_ change: (inout Img2ImgOrder) -> Void = { _ in }) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    order.generation.seed = "7"
    change(&order)
    return order
  }

  private func ledger() throws -> Ledger { try Ledger(path: folder + "-ledger/ledger.sqlite") }

  private func pipeline(_ service: ScriptedService) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: try service.client(), ledger: try ledger())
  }

  private func service(_ hook: @escaping ScriptedService.Hook = { _, _ throws(ScenarioError) in nil }) throws
    -> ScriptedService
  {
    ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")], hook: hook)
  }

  private static func json(_ text: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, body: [UInt8](text.utf8))
  }

  private static let lost = ScenarioError(.connectionLost, .unknownOutcome, stage: .submit, "gone", remedy: "")

  private static func input(
    prompt: String = "a forest", image: String = #""image":"asset_source""#, more: String = #""strength":0.55"#
  ) -> String {
    #"{"modelId":"flux.1-dev","type":"img2img","prompt":"\#(prompt)",\#(image),"seed":7,\#(more)}"#
  }

  private static func job(_ input: String, id: String = "job_1", created: Date = .now) -> String {
    let date = created.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    return
      #"{"jobId":"\#(id)","jobType":"flux","status":"queued","createdAt":"\#(date)","metadata":{"input":\#(input)}}"#
  }

  /// Submits an order whose reply is lost, while the account has the given jobs. Returns the job that was adopted, or nil if a person has
  /// to decide.
  private func adopted(_ jobs: @escaping @Sendable () -> [String]) async throws -> (job: String?, error: PipelineError?)
  {
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": throw Self.lost
      case "GET /jobs": Self.json("{\"jobs\":[\(jobs().joined(separator: ","))]}")
      default: nil
      }
    }
    let order = order { order in
      (order.generation.strength, order.waits) = (0.55, false)
    }
    do {
      return (try await pipeline(service).start(order).result.jobID?.rawValue, nil)
    } catch let error as PipelineError where error.code == .needsDecision {
      return (nil, error)
    }
  }

  @Test(
    "a job is found by its image, in whichever words it repeats its request",
    arguments: [
      ("an archived prompt", input(prompt: "asset_9qTextOfThePrompt")),
      (
        "a signed address beside the id",
        input(image: #""image":"https://cdn.example/a?Policy=x","imageId":"asset_source""#)
      ),
      ("an address with the id", input(image: #""image":"https://cdn.example/assets/asset_source?Policy=x""#)),
      ("a number of 32 bits", input(more: #""strength":0.550000011920929"#)),
      ("a trimmed prompt", input(prompt: " a forest ")),
      ("an adjusted size", input(more: #""strength":0.55,"width":256,"height":160"#)),
      ("nothing but the image", #"{"image":"asset_source"}"#),
      ("no image, but the model and the seed", #"{"modelId":"flux.1-dev","seed":"7"}"#),
    ])
  func oddEchoes(name: String, input: String) async throws {
    let found = try await adopted { [Self.job(input)] }
    #expect(found.job == "job_1", "\(found.error?.message ?? "")")
  }

  @Test("the job is found with a service whose clock differs by minutes", arguments: [-300.0, 300])
  func skew(seconds: Double) async throws {
    let asked = Mutex<Date?>(nil)
    let service = try service { name, request throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": throw Self.lost
      case "GET /jobs":
        let query = URLComponents(string: request.url)?.queryItems?.first { $0.name == "createdAfter" }?.value ?? ""
        let after = try? Date(query, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        asked.withLock { $0 = after }
        let made = Date.now.addingTimeInterval(seconds)
        return Self.json("{\"jobs\":[\(made > after ?? .now ? Self.job(Self.input(), created: made) : "")]}")
      default: return nil
      }
    }
    let order = order { order in
      (order.generation.strength, order.waits) = (0.55, false)
    }
    #expect(try await pipeline(service).start(order).result.jobID?.rawValue == "job_1")
    let after = try #require(asked.withLock { $0 })
    #expect(after < Date.now.addingTimeInterval(-590))
  }

  @Test(
    "a colleague's job of the same model and minute is never taken",
    arguments: [
      input(image: #""image":"asset_other""#), input(image: #""imageId":"asset_source2""#),
      input(image: #""image":"https://cdn.example/assets/asset_source2?Policy=x""#),
      #"{"modelId":"flux.1-dev","prompt":"a forest"}"#, #"{"modelId":"flux.1-dev","seed":8}"#, "{}",
    ])
  func colleague(input: String) async throws {
    let found = try await adopted { [Self.job(input, id: "job_5")] }
    #expect(found.job == nil)
    let error = try #require(found.error)
    let isOther = input.contains("asset_")
    #expect(error.candidates.map(\.rawValue) == (isOther ? [] : ["job_5"]))
    #expect(!error.message.contains("no job of this account fits it"), "there is one: \(error.message)")
  }

  @Test("no job fits only where the account made none at that time", arguments: [-3600.0, 3600])
  func otherTime(seconds: Double) async throws {
    let found = try await adopted { [Self.job(Self.input(), created: .now.addingTimeInterval(seconds))] }
    #expect(found.job == nil && found.error?.message.contains("no job of this account fits it") == true)
  }

  // MARK: Prices

  @Test("a job that a dry run started is the order's job, and is asked for once")
  func dryRunStarts() async throws {
    let service = try service()
    for _ in 0..<2 {
      await #expect {
        try await pipeline(service).price(order()).result
      } throws: {
        let error = $0 as? ScenarioError
        return error?.code == .dryRunStartedJob && error?.jobID?.rawValue == "job_1" && error?.charged == .yes
      }
    }
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
    #expect(try ledger().entries().map(\.jobID?.rawValue) == ["job_1"])
    #expect(try await pipeline(service).start(order()).result.files.count == 1)
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
  }

  @Test("with a limit for the price, the job that the dry run started is followed, and no other is submitted")
  func limitStarts() async throws {
    let service = try service()
    let result = try await pipeline(service).start(order { $0.maxCost = 100 }).result
    #expect(result.jobID?.rawValue == "job_1" && result.files.count == 1)
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
  }

  @Test("a dry run without a readable reply may have started a job, which is looked for")
  func dryRunUnreadable() async throws {
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": Self.json(#"{"result":{"ref":"job_1"}}"#)
      case "GET /jobs": Self.json("{\"jobs\":[\(Self.job(#"{"image":"asset_source"}"#))]}")
      default: nil
      }
    }
    await #expect { try await pipeline(service).price(order()).result } throws: {
      ($0 as? ScenarioError)?.jobID?.rawValue == "job_1"
    }
    #expect(try ledger().entries().map(\.jobID?.rawValue) == ["job_1"])
    #expect(try await pipeline(service).start(order()).result.files.count == 1)
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
  }

  @Test(
    "a job that a dry run without any reply started is found before the order is submitted", arguments: [true, false])
  func dryRunLost(isStarted: Bool) async throws {
    let service = try service { name, request throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img" where request.url.contains("dryRun"): throw Self.lost
      case "GET /jobs": Self.json("{\"jobs\":[\(isStarted ? Self.job(#"{"image":"asset_source"}"#) : "")]}")
      default: nil
      }
    }
    await #expect(throws: ScenarioError.self) { try await pipeline(service).price(order()).result }
    #expect(try await pipeline(service).start(order()).result.files.count == 1)
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == (isStarted ? 1 : 2))
  }

  @Test("of two runs with one image, none takes the only job by the image alone")
  func rivals() async throws {
    let isHeld = Mutex(true)
    let service = try service { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img": throw Self.lost
      case "GET /jobs" where isHeld.withLock(\.self): return Self.json("{}", status: 401)
      case "GET /jobs": return Self.json("{\"jobs\":[\(Self.job(#"{"image":"asset_source"}"#))]}")
      default: return nil
      }
    }
    for prompt in ["a forest", "a lake"] {
      await #expect(throws: ScenarioError.self) {
        try await pipeline(service).start(order { $0.generation.prompt = prompt }).result
      }
    }
    isHeld.withLock { $0 = false }
    await #expect { try await pipeline(service).start(order()).result } throws: {
      ($0 as? PipelineError)?.code == .needsDecision && ($0 as? PipelineError)?.candidates.map(\.rawValue) == ["job_1"]
    }
  }

  @Test("an order of which only the price was asked for is not among the jobs")
  func priceOnly() async throws {
    let service = try service { _, request throws(ScenarioError) in
      request.url.contains("dryRun") ? Self.json(#"{"creativeUnitsCost":3}"#, status: 269) : nil
    }
    _ = try await pipeline(service).price(order()).result
    #expect(try ledger().entries().isEmpty)
    _ = try await pipeline(service).start(order()).result
    #expect(try ledger().entries().map(\.id) == [1])
  }

  @Test("a parameter that looks like a dry run is refused: it would start a paid job", arguments: ["dryRun", "dryrun"])
  func parameter(name: String) async throws {
    let service = try service()
    await #expect {
      try await pipeline(service).start(order { $0.generation.parameters = [name: .bool(true)] }).result
    } throws: {
      ($0 as? PipelineError)?.code == .invalidOrder
    }
    #expect(service.requests.isEmpty)
  }

  @Test("a reply that repeats other settings, or names a higher cost than the price, is reported at once")
  func differences() async throws {
    let service = try service { name, request throws(ScenarioError) in
      guard name == "POST /generate/img2img" else { return nil }
      if request.url.contains("dryRun") { return Self.json(#"{"creativeUnitsCost":9}"#, status: 269) }
      return Self.json(
        #"{"job":{"jobId":"job_1","status":"queued"},"creativeUnitsCost":12,"#
          + #""inference":{"type":"img2img","prompt":"a forest","numSamples":4,"width":224,"height":144}}"#)
    }
    let run = try pipeline(service).start(order { $0.maxCost = 10 })
    var reports: [String] = []
    for await event in run.events {
      switch event {
      case .costsMore(let cost, let price): reports.append("\(cost) > \(price)")
      case .repeatedOtherwise(let names): reports += names
      default: break
      }
    }
    #expect(try await run.result.files.count == 1)
    #expect(reports == ["12 > 9", "image", "numSamples"])
  }

  @Test(
    "a stem or a seed that leads out of the folder is refused before anything is sent", arguments: ["stem", "seed"])
  func slashes(part: String) async throws {
    let service = try service()
    await #expect {
      try await pipeline(service).start(order { part == "stem" ? ($0.stem = "../x") : ($0.generation.seed = "../7") })
        .result
    } throws: {
      ($0 as? PipelineError)?.code == .invalidOrder
    }
    #expect(service.requests.isEmpty)
  }

  @Test("the limit of a day is compared with what the ledger knows of it")
  func dailyLimit() async throws {
    let service = try service { _, request throws(ScenarioError) in
      request.url.contains("dryRun") ? Self.json(#"{"creativeUnitsCost":10.5}"#, status: 269) : nil
    }
    _ = try await pipeline(service).start(order { $0.maxCostPerDay = 20 }).result
    await #expect {
      try await pipeline(service).start(
        order { order in
          (order.generation.prompt, order.maxCostPerDay) = ("a lake", 20)
        }
      ).result
    } throws: {
      ($0 as? PipelineError)?.code == .tooExpensive && "\($0)".contains("10.5 were spent since midnight UTC")
    }
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 3, "two prices and one job")
  }

  // MARK: Lost results and other machines

  @Test("an order whose results are gone from the service can be made again", arguments: ["gone", "none"])
  func gone(kind: String) async throws {
    let isBroken = Mutex(true)
    let service = try service { name, _ throws(ScenarioError) in
      guard isBroken.withLock(\.self) else {
        return name == "POST /generate/img2img"
          ? Self.json(#"{"job":{"jobId":"job_2","status":"queued","metadata":{"assetIds":[]}}}"#) : nil
      }
      switch name {
      case "GET /assets/asset_r1": return Self.json(#"{"reason":"Asset asset_r1 not found"}"#, status: 404)
      case "GET /jobs/job_1" where kind == "none":
        return Self.json(#"{"job":{"jobId":"job_1","status":"success","metadata":{"assetIds":[]}}}"#)
      default: return nil
      }
    }
    for _ in 0..<2 {
      // A paid order is not paid for again unless `again` is set.
      await #expect(throws: (any Error).self) {
        try await pipeline(service).start(order()).result
      }
    }
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
    isBroken.withLock { $0 = false }
    let second = order { order in
      (order.again, order.waits) = (true, false)
    }
    #expect(try await pipeline(service).start(second).result.jobID?.rawValue == "job_2")
  }

  @Test("a job that only the service knows is downloaded, once, whatever its seed", arguments: [nil, "../7"])
  func otherMachine(seed: String?) async throws {
    let service = try service { name, _ throws(ScenarioError) in
      guard name == "GET /jobs/job_1", let seed else { return nil }
      return Self.json(
        #"{"job":{"jobId":"job_1","status":"success","metadata":{"assetIds":["asset_r1"],"input":{"seed":"\#(seed)"}}}}"#
      )
    }
    let job = JobID(rawValue: "job_1")
    for _ in 0..<2 {
      let result = try await pipeline(service).resume(job, folder: folder).result
      #expect(result.files.map(\.path) == [folder + (seed == nil ? "/job_1-1.png" : "/job_1-.._7-1.png")])
    }
    #expect(try ledger().entries().map(\.state) == [.downloaded])
    await #expect { try await pipeline(service).resume(JobID(rawValue: "job_9")).result } throws: {
      ($0 as? PipelineError)?.code == .unknownJob
    }
  }

  @Test("a job that a submit of unknown outcome may have started becomes no run of its own")
  func otherMachineOrMine() async throws {
    #expect(try await adopted { [Self.job("{}", id: "job_1")] }.job == nil)
    await #expect { try await pipeline(service()).resume(JobID(rawValue: "job_1")).result } throws: {
      ($0 as? PipelineError)?.code == .needsDecision && ($0 as? PipelineError)?.runID == 1
    }
    #expect(try ledger().entries().count == 1)
  }

  // MARK: Where the legacy endpoint is gone

  private static let refusals: [(String, HTTPResponse)] = [
    ("404 without an asset or model", json(#"{"reason":"Not Found"}"#, status: 404)),
    ("gateway 403", json(#"{"message":"Missing Authentication Token"}"#, status: 403)),
    ("400 that names the model", json(#"{"reason":"Model flux.1-dev is not supported"}"#, status: 400)),
  ]

  @Test("without the legacy endpoint, the custom model makes the results, at its own price", arguments: refusals)
  func goesOn(name: String, refusal: HTTPResponse) async throws {
    let bodies = Mutex<[String]>([])
    let service = try service { name, request throws(ScenarioError) in
      guard name.hasPrefix("POST /generate") else { return nil }
      guard name == "POST /generate/custom/model_bfl-flux-1-dev" else { return refusal }
      if request.url.contains("dryRun") { return Self.json(#"{"creativeUnitsCost":9}"#, status: 269) }
      if case .bytes(let bytes) = request.body { bodies.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
      return Self.json(#"{"job":{"jobId":"job_1","status":"queued"},"creativeUnitsCost":9}"#)
    }
    let result = try await pipeline(service).start(order()).result
    #expect(result.files.count == 1 && result.cost == "9")
    let generations = service.requests.filter { $0.hasPrefix("POST /generate") }
    #expect(
      generations == [
        "POST /generate/img2img", "POST /generate/custom/model_bfl-flux-1-dev",
        "POST /generate/custom/model_bfl-flux-1-dev",
      ])
    let body = try JSONDecoder().decode([String: JSONValue].self, from: Data(bodies.withLock { $0[0] }.utf8))
    #expect(
      body == [
        "prompt": .string("a forest"), "image": .string("asset_source"), "strength": .number(0.75),
        "numOutputs": .number(1), "guidance": .number(3.5), "numInferenceSteps": .number(28), "width": .number(224),
        "height": .number(144), "seed": .number(7),
      ])
    #expect(try ledger().entries()[0].intent.model == "model_bfl-flux-1-dev")
  }

  @Test(
    "a 404 that names the model, or the image, does not show a missing endpoint",
    arguments: ["Model flux.1-dev", "Asset asset_source"])
  func unknownThing(what: String) async throws {
    let service = try service { name, _ throws(ScenarioError) in
      name == "POST /generate/img2img" ? Self.json(#"{"reason":"\#(what) not found"}"#, status: 404) : nil
    }
    await #expect { try await pipeline(service).start(order()).result } throws: {
      ($0 as? ScenarioError)?.code == .notFound && ($0 as? ScenarioError)?.message.contains(what) == true
    }
    #expect(service.requests.filter { $0.hasPrefix("POST /generate") } == ["POST /generate/img2img"])
  }
}
