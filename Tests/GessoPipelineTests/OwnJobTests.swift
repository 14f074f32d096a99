import Foundation
import GessoPipeline
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

@Suite("A job belongs to the order that it was made for")
struct OwnJobTests {
  let folder = TestFolder.url.appending(path: "gesso-own-\(UUID().uuidString)").path

  private func order(_ prompt: String = "a forest") -> Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: prompt, folder: folder)
    (order.generation.seed, order.waits) = ("7", false)
    return order
  }

  private func ledger() throws -> Ledger { try Ledger(path: folder + "-ledger/ledger.sqlite") }

  private func pipeline(_ service: ScriptedService, key: String = "planted-key", project: String? = nil) throws
    -> Img2ImgPipeline
  {
    Img2ImgPipeline(client: try service.client(key: key, project: project), ledger: try ledger())
  }

  private static func json(_ text: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, body: [UInt8](text.utf8))
  }

  private static func job(_ input: String, _ id: String = "job_1") -> String {
    let made = Date.now.formatted(.iso8601)
    return #"{"jobId":"\#(id)","status":"success","createdAt":"\#(made)","billing":{"cuCost":9},"#
      + #""metadata":{"assetIds":["asset_r1"],"input":\#(input)}}"#
  }

  private static let lost = ScenarioError(.connectionLost, .unknownOutcome, stage: .submit, "gone", remedy: "")

  /// A service that starts job_1 at the first request for a generation, even if it is a dry run, and loses the reply. The next such request
  /// starts job_2. Job_1 contains `input` as its request. The first reads of the list of jobs are refused, which leaves the run in the
  /// state that a killed process leaves.
  private func service(_ input: String, refusedReads: Int = 1) throws -> ScriptedService {
    let starts = Mutex(0)
    let reads = Mutex(0)
    return ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) { name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img":
        let isFirst = starts.withLock {
          $0 += 1; return $0 == 1
        }
        if isFirst { throw Self.lost }
        return Self.json(#"{"job":{"jobId":"job_2","status":"queued"},"creativeUnitsCost":10.5}"#)
      case "GET /jobs/job_1": return Self.json("{\"job\":\(Self.job(input))}")
      case "GET /jobs":
        let isRefused = reads.withLock {
          $0 += 1; return $0 <= refusedReads
        }
        return isRefused ? Self.json("{}", status: 401) : Self.json("{\"jobs\":[\(Self.job(input))]}")
      default: return nil
      }
    }
  }

  private func generations(_ service: ScriptedService) -> Int {
    service.requests.count { $0.hasPrefix("POST /generate") }
  }

  @Test("the job of a dry run whose process was killed is the order's, also where it is fetched first")
  func fetchesOwn() async throws {
    let service = try service(#"{"image":"asset_source"}"#)
    await #expect(throws: ScenarioError.self) { try await pipeline(service).price(order()).result }
    let job = JobID(rawValue: "job_1")
    let fetched = try await pipeline(service).resume(job, folder: folder).result
    #expect(fetched.runID == 1 && fetched.files.count == 1)
    let result = try await pipeline(service).start(order()).result
    #expect(result.jobID == job && result.reused)
    #expect(generations(service) == 1, "the order is paid for once")
    #expect(try ledger().entries().map(\.jobID) == [job])
  }

  @Test(
    "a job that may be that of a killed dry run becomes no run of its own, until that is decided",
    arguments: [true, false])
  func undecided(isOwn: Bool) async throws {
    let service = try service("{}")
    await #expect(throws: ScenarioError.self) { try await pipeline(service).price(order()).result }
    let job = JobID(rawValue: "job_1")
    await #expect { try await pipeline(service).resume(job, folder: folder).result } throws: {
      ($0 as? PipelineError)?.code == .needsDecision && ($0 as? PipelineError)?.runID == 1
    }
    await #expect("nothing is paid before the decision") { try await pipeline(service).start(order()).result } throws: {
      ($0 as? PipelineError)?.candidates == [job]
    }
    try await pipeline(service).resolve(1, isOwn ? .adopt(job) : .drop)
    let fetched = try await pipeline(service).resume(job, folder: folder).result
    #expect((fetched.runID == 1) == isOwn && fetched.files.count == 1)
    #expect(try await pipeline(service).start(order()).result.jobID?.rawValue == (isOwn ? "job_1" : "job_2"))
    #expect(generations(service) == (isOwn ? 1 : 2))
  }

  @Test("a job of another image than that of a killed dry run is a run of its own")
  func fetchesOther() async throws {
    let service = try service(#"{"image":"asset_other"}"#)
    await #expect(throws: ScenarioError.self) { try await pipeline(service).price(order()).result }
    let fetched = try await pipeline(service).resume(JobID(rawValue: "job_1"), folder: folder).result
    #expect(fetched.runID == 2)
    #expect(try await pipeline(service).start(order()).result.jobID?.rawValue == "job_2")
  }

  @Test("a run cannot adopt a job that shows it is another run's")
  func adoptsOwn() async throws {
    let service = try service(#"{"image":"asset_source","prompt":"a lake"}"#)
    let job = JobID(rawValue: "job_1")
    // Both submits get no reply. The job in the list is that of the first one.
    await #expect(throws: ScenarioError.self) { try await pipeline(service).start(order("a lake")).result }
    let other = try self.service("{}")
    await #expect(throws: ScenarioError.self) { try await pipeline(other).start(order()).result }
    await #expect { try await pipeline(service).resolve(2, .adopt(job)) } throws: {
      ($0 as? PipelineError)?.code == .invalidOrder && ($0 as? PipelineError)?.message.contains("run 1") == true
    }
    #expect(try await pipeline(service).resolve(1, .adopt(job)).jobID == job)
  }

  @Test("of a lost submit and a killed dry run with one image, none takes the only job by the image alone")
  func rivalDryRun() async throws {
    let service = try service(#"{"image":"asset_source"}"#, refusedReads: 0)
    let other = ScriptedService(results: []) { name, _ throws(ScenarioError) in
      if name == "POST /generate/img2img" { throw Self.lost }
      return name == "GET /jobs" ? Self.json("{}", status: 401) : nil
    }
    await #expect(throws: ScenarioError.self) { try await pipeline(other).price(order("a lake")).result }
    await #expect { try await pipeline(service).start(order()).result } throws: {
      ($0 as? PipelineError)?.code == .needsDecision && ($0 as? PipelineError)?.candidates.map(\.rawValue) == ["job_1"]
    }
  }

  // MARK: Prices of orders that were submitted

  @Test("the price of an order whose submit had no reply is not asked for: the job of the submit is looked for")
  func priceAfterLostSubmit() async throws {
    let service = try service(#"{"image":"asset_source"}"#, refusedReads: 2)
    await #expect(throws: ScenarioError.self) { try await pipeline(service).start(order()).result }
    #expect(try ledger().entries()[0].state == .submitting)
    await #expect(throws: ScenarioError.self, "nothing is sent while the service cannot be asked") {
      try await pipeline(service).price(order()).result
    }
    #expect(try await pipeline(service).price(order()).result == 9)
    #expect(generations(service) == 1)
    #expect(try ledger().entries().map(\.jobID?.rawValue) == ["job_1"])
  }

  @Test("the price of an order that needs a decision is not asked for")
  func priceBeforeDecision() async throws {
    let service = try service("{}", refusedReads: 0)
    for isFirst in [true, false] {
      await #expect {
        if isFirst { _ = try await pipeline(service).start(order()).result }
        _ = try await pipeline(service).price(order()).result
      } throws: {
        ($0 as? PipelineError)?.code == .needsDecision
      }
    }
    #expect(generations(service) == 1)
  }

  @Test("the price of an order that has its job is that on record, and nothing is sent", arguments: [true, false])
  func priceAfterJob(hasCost: Bool) async throws {
    let service = ScriptedService(results: []) { name, _ throws(ScenarioError) in
      name == "POST /generate/img2img" && !hasCost ? Self.json(#"{"job":{"jobId":"job_1","status":"queued"}}"#) : nil
    }
    _ = try await pipeline(service).start(order()).result
    let before = service.requests.count
    if hasCost {
      #expect(try await pipeline(service).price(order()).result == 10.5)
    } else {
      await #expect { try await pipeline(service).price(order()).result } throws: {
        ($0 as? PipelineError)?.code == .invalidOrder && ($0 as? PipelineError)?.jobID?.rawValue == "job_1"
      }
    }
    #expect(service.requests.count == before)
  }

  // MARK: Another key

  struct Repeated: Sendable {
    var prompt = "a forest"
    var key = "key-2"
    var project: String?
    var isNoticed = false
  }

  @Test(
    "an order that another key paid for is pointed out before it is paid for again, also where a project is named since",
    arguments: [
      Repeated(isNoticed: true), Repeated(prompt: "a lake"), Repeated(key: "key-1"),
      Repeated(project: "proj_1", isNoticed: true),
    ])
  func otherKey(second: Repeated) async throws {
    let first = ScriptedService(results: [])
    _ = try await pipeline(first, key: "key-1").start(order()).result
    let service = ScriptedService(number: 2, results: [])
    let run = try pipeline(service, key: second.key, project: second.project).start(order(second.prompt))
    var notes: [String] = []
    for await event in run.events {
      if case .noticed(.madeByAnotherAccount(let run, let job)) = event {
        notes.append("\(run) \(job?.rawValue ?? "") after \(service.requests.count)")
      }
    }
    _ = try await run.result
    #expect(notes == (second.isNoticed ? ["1 job_1 after 0"] : []))
    #expect(generations(service) == (second.key == "key-1" ? 0 : 1), "the order of another key is never taken")
  }
}
